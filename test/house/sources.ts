import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';

/** A source file of the project; `file` is its path from the root, with slashes. */
export interface Source {
  file: string;
  text: string;
}

/** An import, in whatever form: `import`, `export … from`, `import()`, `require()`, the type `import('x').Y`. */
export interface Import {
  file: string;
  line: number;
  /** A path from the root for our own files, otherwise as written: `node:net`, `synckit`, or `?` for a computed one. */
  target: string;
  /** Whether it imports types only, so that nothing is left of it at run time. */
  typeOnly: boolean;
}

const ROOT = join(__dirname, '..', '..');

/** The TypeScript sources below these folders; one that does not exist yet has none. */
export function readSources(...folders: string[]): Source[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((file) => /\.[cm]?ts$/.test(file))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));
}

export function importsOf(source: Source): Import[] {
  const imports: Import[] = [];
  visit(source, (node, tree) => {
    const found = importIn(node, tree);
    if (found === undefined) return;
    const { name, typeOnly } = found;
    imports.push({
      file: source.file,
      line: lineOf(node, tree),
      target: resolve(source.file, name),
      typeOnly,
    });
  });
  return imports;
}

/** Every use of a global, or other free-standing name: `process` in `process.exit()`, but not in `message.process()`. */
export function namesIn(source: Source): { name: string; line: number }[] {
  const names: { name: string; line: number }[] = [];
  visit(source, (node, tree) => {
    if (!ts.isIdentifier(node)) return;
    const { parent } = node;
    const isMember = 'name' in parent && parent.name === node;
    if (!isMember) names.push({ name: node.text, line: lineOf(node, tree) });
  });
  return names;
}

/** Every member that is read or called, however: `a.name`, `a['name']`, `const { name } = a`. */
export function membersReachedIn(source: Source): { name: string; line: number }[] {
  const members: { name: string; line: number }[] = [];
  visit(source, (node, tree) => {
    const name = memberReachedBy(node);
    if (name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteralLike(name)))
      members.push({ name: name.text, line: lineOf(name, tree) });
  });
  return members;
}

function memberReachedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isPropertyAccessExpression(node)) return node.name;
  if (ts.isElementAccessExpression(node)) return node.argumentExpression;
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent))
    return node.propertyName ?? node.name;
  return undefined;
}

/** The classes that a file has by name. */
export function classesIn(source: Source): string[] {
  const names: string[] = [];
  visit(source, (node) => {
    if (ts.isClassLike(node) && node.name !== undefined) names.push(node.name.text);
  });
  return names;
}

/** The names that a file exports from others as types only, as the importer calls them. */
export function typesExportedBy(source: Source): { name: string; from: string }[] {
  const types: { name: string; from: string }[] = [];
  visit(source, (node) => {
    if (!ts.isExportSpecifier(node)) return;
    const { isTypeOnly, moduleSpecifier } = node.parent.parent;
    if (!(node.isTypeOnly || isTypeOnly) || moduleSpecifier === undefined) return;
    const from = resolve(source.file, moduleSpecifier);
    types.push({ name: node.name.text, from });
  });
  return types;
}

/** Each circle of imports, once: `a.ts:3 -> b.ts:1 -> a.ts`. Imports of types count only if they are wanted. */
export function circles(imports: readonly Import[], { types }: { types: boolean }): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (file: string, path: Import[]): void => {
    const start = path.findIndex((step) => step.file === file);
    if (start >= 0) {
      found.push([...path.slice(start).map((step) => `${step.file}:${step.line}`), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const next of imports) {
      if (next.file === file && (types || !next.typeOnly)) follow(next.target, [...path, next]);
    }
    done.add(file);
  };
  for (const { file } of imports) follow(file, []);
  return found;
}

const trees = new WeakMap<Source, ts.SourceFile>();

function visit(source: Source, each: (node: ts.Node, tree: ts.SourceFile) => void): void {
  let tree = trees.get(source);
  if (tree === undefined) {
    tree = ts.createSourceFile(source.file, source.text, ts.ScriptTarget.Latest, true);
    trees.set(source, tree);
  }
  const walk = (node: ts.Node): void => {
    each(node, tree);
    node.forEachChild(walk);
  };
  walk(tree);
}

const lineOf = (node: ts.Node, tree: ts.SourceFile) =>
  tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;

function importIn(
  node: ts.Node,
  tree: ts.SourceFile,
): { name: ts.Node | undefined; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node)) {
    const { importClause: clause, moduleSpecifier: name } = node;
    return { name, typeOnly: clause !== undefined && (isType(clause) || onlyTypes(clause)) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    const { exportClause: clause, moduleSpecifier: name } = node;
    return { name, typeOnly: node.isTypeOnly || (!!clause && ts.isNamedExports(clause) && allTypes(clause)) };
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return { name: node.moduleReference.expression, typeOnly: node.isTypeOnly };
  }
  if (ts.isCallExpression(node) && /^(import|require(\.resolve)?)$/.test(node.expression.getText(tree))) {
    return { name: node.arguments[0], typeOnly: false };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { name: node.argument.literal, typeOnly: true };
  }
  return undefined;
}

function isType(clause: ts.ImportClause): boolean {
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

/** `import { type A, type B } from …` */
function onlyTypes({ name, namedBindings: names }: ts.ImportClause): boolean {
  return name === undefined && names !== undefined && ts.isNamedImports(names) && allTypes(names);
}

function allTypes({ elements }: ts.NamedImports | ts.NamedExports): boolean {
  return elements.length > 0 && elements.every((element) => element.isTypeOnly);
}

function resolve(file: string, name: ts.Node | undefined): string {
  if (name === undefined || !ts.isStringLiteralLike(name)) return '?';
  if (!name.text.startsWith('.')) return name.text;
  const path = join(dirname(file), name.text);
  const asTypeScript = path.replace(/\.([cm]?)js$/, '.$1ts');
  const candidates = [asTypeScript, `${path}.ts`, `${path}.mts`, join(path, 'index.ts'), path];
  return candidates.find((candidate) => isFile(join(ROOT, candidate))) ?? path;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
