import ts from 'typescript';
import { readSources } from './sources';

/** Files whose classes users hold, or derive from. */
const sources = readSources('src').filter(
  ({ file }) => /^src\/(api|patterns|compat|embedded)\//.test(file) || file === 'src/errors.ts',
);

/** Members that declarations leave out, though a program in JavaScript could call them by their names. */
function hiddenMembers(tree: ts.SourceFile): string[] {
  const hidden: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isClassLike(node))
      for (const member of node.members)
        if (isHidden(member) && member.name !== undefined && isSpelt(member.name))
          hidden.push(`${tree.fileName}: ${node.name?.text}.${member.name.getText(tree)}`);
    node.forEachChild(visit);
  };
  visit(tree);
  return hidden;
}

function isHidden(member: ts.ClassElement): boolean {
  const flags = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (ts.getCombinedModifierFlags(member) & flags) !== 0 || isInternal(member);
}

function isInternal(node: ts.Node): boolean {
  return ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal');
}

function isSpelt(name: ts.PropertyName): boolean {
  return ts.isIdentifier(name) || ts.isStringLiteral(name);
}

/** What a module that is exported as a whole (`export * as spec from './spec'`) exports against its declarations. */
function hiddenExports(tree: ts.SourceFile): string[] {
  return tree.statements.flatMap((statement) => {
    const isExported = ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(isExport);
    if (!isExported || !isInternal(statement)) return [];
    return `${tree.fileName}: ${statement.getText(tree).split('\n')[0]}`;
  });
}

function isExport({ kind }: ts.Modifier): boolean {
  return kind === ts.SyntaxKind.ExportKeyword;
}

const parse = (file: string, text: string) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
const trees = sources.map(({ file, text }) => parse(file, text));

test('members of public classes that are not documented have a symbol for a name, or begin with #', () => {
  expect(trees.flatMap(hiddenMembers)).toEqual([]);
});

test('modules that are exported as a whole export nothing that is not documented', () => {
  const names = trees.flatMap(({ text }) =>
    [...text.matchAll(/^export \* as \w+ from '\.\/(.*)';$/gm)].map(([, name]) => `src/compat/${name}.ts`),
  );
  expect(names).toContain('src/compat/amqpy/spec.ts');
  expect(trees.filter(({ fileName }) => names.includes(fileName)).flatMap(hiddenExports)).toEqual([]);
});

test('the check sees members by their names, however they are hidden', () => {
  const text = [
    'class A {',
    '  /** @internal */ one(): void {}',
    '  private two = 2;',
    "  protected 'three' = 3;",
    '  /** @internal */ [FOUR] = 4;',
    '  #five = 5;',
    '  /** Documented. */ six(): void {}',
    '}',
    '/** @internal */ export function seven(): void {}',
  ].join('\n');
  expect(hiddenMembers(parse('a.ts', text))).toEqual(['a.ts: A.one', 'a.ts: A.two', "a.ts: A.'three'"]);
  expect(hiddenExports(parse('a.ts', text))).toEqual(
    ['a.ts: /** @internal */ export function seven(): void {}'].map((line) =>
      line.replace('/** @internal */ ', ''),
    ),
  );
});
