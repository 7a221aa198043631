/** The doc comments of what is public, from which editors and `npm run docs` make the reference. */
import { compile, inspect } from './reference';

/**
 * Types that public signatures mention and that have no name for users: what they say shows where they stand. The
 * first are bases of exported classes, the others how facades write down the signatures of Python.
 */
const WITHOUT_A_NAME: readonly string[] = [];

const { undocumented, unexported, documented } = inspect(compile());

test('every exported name, member, option and field has a comment', () => {
  expect(undocumented).toEqual([]);
  expect(documented).toBeGreaterThan(1000);
});

test('types that public signatures mention are exported', () => {
  const isKnown = (each: string) => WITHOUT_A_NAME.some((name) => each.startsWith(`${name} of`));
  expect(unexported.filter((each) => !isKnown(each))).toEqual([]);
});

test('the check sees names, members, options and types, wherever they stand', () => {
  const text = `
    interface Hidden { a: 1 }
    export interface Options { size: number; /** Documented. */ speed?: number }
    /** Documented. */
    export class A<T> {
      one(options: { limit: number; /** Documented. */ unit: string }): Hidden { return { a: 1 }; }
      /** Documented. */ two(): T;
      #three = 3;
      /** @internal */ four = 4;
      private five = 5;
      static six = 6;
      constructor(readonly seven: number) {}
      get eight(): number { return 8; }
      /** Documented. */ [Symbol.dispose](): void {}
    }
    /** Documented. */
    export const all = { nine: 9, /** Documented. */ ten: 10 };
    export type Choice = { eleven: 11 } | Partial<Options>;
    /** Documented. */
    export function twelve(...args: [limits: { thirteen: number }]): void {}`;
  const file = 'src/fixture.ts';
  const found = inspect(compile({ [file]: text }, []), [file]);
  expect(found.undocumented).toEqual(
    [
      ...['A static.six', 'A.constructor', 'A.eight', 'A.one', 'A.one(options).limit', 'A.seven'],
      ...['Choice', 'Choice.eleven', 'Options', 'Options.size', 'all.nine', 'twelve(args).thirteen'],
    ].map((name) => `${file} ${name}`),
  );
  expect(found.unexported).toEqual([`Hidden of ${file}, in ${file} A`]);
});
