import ts from 'typescript';
import { importsOf, readSources } from './sources';

/** Files whose classes users hold, or derive from: of these folders, and what the entry points export from others. */
const all = readSources('src');
const entries = all.filter(({ file }) =>
  ['src/index.ts', 'src/compat/amqpy.ts', 'src/compat/pika.ts', 'src/opentelemetry.ts'].includes(file),
);
const exported = entries.flatMap(importsOf).map(({ target }) => target);
const sources = all.filter(
  ({ file }) => /^src\/(api|patterns|compat|embedded)\//.test(file) || exported.includes(file),
);

/** Members that declarations leave out, though a program in JavaScript could call them by their names. */
function hiddenMembers(tree: ts.SourceFile): string[] {
  const hidden: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isClassLike(node))
      for (const member of node.members.flatMap(withFields))
        if (isHidden(member) && member.name !== undefined && isSpelt(member.name))
          hidden.push(`${tree.fileName}: ${node.name?.text}.${member.name.getText(tree)}`);
    node.forEachChild(visit);
  };
  visit(tree);
  return hidden;
}

type Member = ts.ClassElement | ts.ParameterDeclaration;

/** A member; of a constructor the fields that its parameters declare. */
function withFields(member: ts.ClassElement): Member[] {
  if (!ts.isConstructorDeclaration(member)) return [member];
  return member.parameters.filter((parameter) => ts.isParameterPropertyDeclaration(parameter, member));
}

function isHidden(member: Member): boolean {
  const flags = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (ts.getCombinedModifierFlags(member) & flags) !== 0 || isInternal(member);
}

function isInternal(node: ts.Node): boolean {
  return ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal');
}

function isSpelt(name: ts.PropertyName | ts.BindingName): boolean {
  if (ts.isComputedPropertyName(name)) return ts.isStringLiteralLike(name.expression);
  return ts.isIdentifier(name) || ts.isStringLiteralLike(name);
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
    '  constructor(private readonly eight: number, /** @internal */ readonly nine: number, ten: number) {}',
    "  private static ['eleven'] = 11;",
    '}',
    '/** @internal */ export function seven(): void {}',
  ].join('\n');
  expect(hiddenMembers(parse('a.ts', text))).toEqual(
    ['one', 'two', "'three'", 'eight', 'nine', "['eleven']"].map((name) => `a.ts: A.${name}`),
  );
  expect(hiddenExports(parse('a.ts', text))).toEqual(
    ['a.ts: /** @internal */ export function seven(): void {}'].map((line) =>
      line.replace('/** @internal */ ', ''),
    ),
  );
});
