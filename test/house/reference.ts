/** What the entry points show to an editor and to the API reference: names, members and options, and their comments. */
import { join, relative } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..', '..');

/** The entry points of the package, and what users import them as. */
export const ENTRIES: Readonly<Record<string, string>> = {
  'src/index.ts': 'amqp-sync',
  'src/compat/amqpy.ts': 'amqp-sync/amqpy',
  'src/compat/pika.ts': 'amqp-sync/pika',
  'src/opentelemetry.ts': 'amqp-sync/opentelemetry',
};

/** Files on disk, read once for all programs. */
const read = new Map<string, ts.SourceFile | undefined>();

/** A program that the compiler has read: the entry points, and `texts` beside them, which are not on disk. */
export function compile(
  texts: Readonly<Record<string, string>> = {},
  entries = Object.keys(ENTRIES),
): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const added = new Map(Object.entries(texts).map(([file, text]) => [join(ROOT, file), text]));
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => added.has(path) || fileExists(path);
  host.readFile = (path) => added.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) => {
    const text = added.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
    if (!read.has(path)) read.set(path, getSourceFile.call(host, path, ...rest));
    return read.get(path);
  };
  const files = [...entries, ...Object.keys(texts)].map((file) => join(ROOT, file));
  const loose = { noEmit: true, noImplicitAny: false, noUnusedLocals: false, noUnusedParameters: false };
  return ts.createProgram(files, { ...options, types: ['node'], ...loose }, host);
}

/** What is wrong with what `entries` export: names without a comment, and types that nobody can name. */
export interface Complaints {
  readonly undocumented: readonly string[];
  readonly unexported: readonly string[];
  /** Names with a comment, for a count. */
  readonly documented: number;
  readonly examples: readonly Example[];
}

/** The code of an `@example`, and what it is of. */
export interface Example {
  readonly of: string;
  readonly code: string;
}

export function inspect(program: ts.Program, entries = Object.keys(ENTRIES)): Complaints {
  const inspector = new Inspector(program);
  inspector.enter(entries);
  return inspector.complaints;
}

/** Members by name and by well-known symbols; the others are the library's own. */
const OWN_SYMBOL = /^__@(?!dispose|iterator|asyncDispose|asyncIterator)/;

class Inspector {
  readonly #checker: ts.TypeChecker;
  readonly #exported = new Set<ts.Symbol>();
  readonly #seen = new Set<ts.Type | ts.Symbol>();
  readonly #undocumented = new Set<string>();
  readonly #unexported = new Set<string>();
  readonly #examples: Example[] = [];
  #documented = 0;

  constructor(private readonly program: ts.Program) {
    this.#checker = program.getTypeChecker();
  }

  get complaints(): Complaints {
    return {
      undocumented: [...this.#undocumented].sort(),
      unexported: [...this.#unexported].sort(),
      documented: this.#documented,
      examples: this.#examples,
    };
  }

  enter(entries: readonly string[]): void {
    const names = entries.flatMap((entry) => {
      const source = this.program.getSourceFile(join(ROOT, entry));
      const module = source && this.#checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${entry} exports nothing`);
      return this.#exportsOf(module, ENTRIES[entry] ?? entry);
    });
    for (const [symbol] of names) this.#exported.add(symbol);
    for (const [symbol, path] of names) this.#look(symbol, path);
  }

  /** What a module exports, also by `export * as`, once each. */
  #exportsOf(module: ts.Symbol, path: string): [ts.Symbol, string][] {
    return this.#checker.getExportsOfModule(module).flatMap((each): [ts.Symbol, string][] => {
      const isAlias = each.flags & ts.SymbolFlags.Alias;
      const symbol = isAlias ? this.#checker.getAliasedSymbol(each) : each;
      const name = `${path} ${each.name}`;
      if (symbol === module || this.#seen.has(symbol)) return [];
      this.#seen.add(symbol);
      const isModule = symbol.flags & ts.SymbolFlags.ValueModule;
      return isModule ? this.#exportsOf(symbol, name) : [[symbol, name]];
    });
  }

  #look(symbol: ts.Symbol, path: string): void {
    this.#hear(symbol, path);
    for (const declaration of symbol.declarations ?? []) this.#types(declaration, path);
    if (symbol.flags & ts.SymbolFlags.Class) {
      const type = this.#checker.getTypeOfSymbol(symbol);
      this.#members(type, path, ' static');
      for (const declaration of symbol.declarations ?? [])
        if (ts.isClassLike(declaration)) this.#construction(declaration, path);
    } else if (symbol.flags & ts.SymbolFlags.Value) {
      this.#inside(this.#checker.getTypeOfSymbol(symbol), path);
    }
    if (symbol.flags & ts.SymbolFlags.Type) {
      const type = this.#checker.getDeclaredTypeOfSymbol(symbol);
      if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) this.#members(type, path);
      else this.#inside(type, path);
    }
  }

  #construction(declaration: ts.ClassLikeDeclaration, path: string): void {
    const own = declaration.members.find(ts.isConstructorDeclaration);
    if (own === undefined || isHidden(own)) return;
    if (ts.getJSDocCommentsAndTags(own).length === 0) this.#undocumented.add(`${path}.constructor`);
    else this.#documented++;
    for (const { name, type } of own.parameters)
      if (type !== undefined)
        this.#inside(this.#checker.getTypeFromTypeNode(type), `${path}(${name.getText()})`);
  }

  /** The members of a type, those of its parents included if they are ours. */
  #members(type: ts.Type, path: string, kind = ''): void {
    for (const property of this.#checker.getPropertiesOfType(type)) {
      const declarations = (property.declarations ?? []).filter(isOurs);
      const isOwn = OWN_SYMBOL.test(property.name) || property.name === 'prototype';
      if (declarations.length === 0 || declarations.every(isHidden) || isOwn) continue;
      const [, symbol] = /^__@(\w+?)@/.exec(property.name) ?? [];
      const name = `${path}${kind}.${symbol === undefined ? property.name : `[Symbol.${symbol}]`}`;
      this.#hear(property, name);
      this.#inside(this.#checker.getTypeOfSymbol(property), name);
    }
  }

  /** What is in a type that has no comment of its own: options, arguments, results. */
  #inside(type: ts.Type, path: string): void {
    if (this.#seen.has(type)) return;
    this.#seen.add(type);
    if (type.isUnionOrIntersection()) {
      if (type.isIntersection()) this.#members(type, path);
      for (const each of type.types) this.#inside(each, path);
      return;
    }
    if (!(type.flags & ts.TypeFlags.Object)) return;
    const reference = type as ts.TypeReference;
    if (this.#checker.isTupleType(type) || this.#checker.isArrayType(type)) {
      for (const each of this.#checker.getTypeArguments(reference)) this.#inside(each, path);
      return;
    }
    const flags = (type as ts.ObjectType).objectFlags;
    if (flags & (ts.ObjectFlags.Class | ts.ObjectFlags.Interface)) return;
    if (flags & (ts.ObjectFlags.Anonymous | ts.ObjectFlags.Mapped)) this.#members(type, path);
    for (const signature of type.getCallSignatures()) {
      for (const parameter of signature.parameters)
        this.#inside(this.#checker.getTypeOfSymbol(parameter), `${path}(${parameter.name})`);
      this.#inside(signature.getReturnType(), `${path}()`);
    }
  }

  #hear(symbol: ts.Symbol, path: string): void {
    for (const { name, text } of symbol.getJsDocTags(this.#checker))
      if (name === 'example') this.#examples.push({ of: path, code: ts.displayPartsToString(text) });
    const comment = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker));
    if (/\p{L}{2}/u.test(comment)) this.#documented++;
    else this.#undocumented.add(path);
  }

  /** The types that a declaration mentions where everybody can see it. */
  #types(declaration: ts.Node, path: string): void {
    const visit = (node: ts.Node): void => {
      // values, and the types of values: what those say shows by itself
      if (ts.isBlock(node) || ts.isTypeQueryNode(node) || isHidden(node)) return;
      if (ts.isTypeReferenceNode(node)) this.#mentioned(node.typeName, path);
      if (ts.isExpressionWithTypeArguments(node)) this.#mentioned(node.expression, path);
      node.forEachChild(visit);
    };
    if (isOurs(declaration)) visit(declaration);
  }

  #mentioned(name: ts.Node, path: string): void {
    let symbol = this.#checker.getSymbolAtLocation(name);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = this.#checker.getAliasedSymbol(symbol);
    if (symbol === undefined || symbol.flags & ts.SymbolFlags.TypeParameter) return;
    const [declaration] = symbol.declarations ?? [];
    if (declaration === undefined || !isOurs(declaration) || this.#exported.has(symbol)) return;
    this.#unexported.add(`${symbol.name} of ${fileOf(declaration)}, in ${path}`);
  }
}

function fileOf(node: ts.Node): string {
  return relative(ROOT, node.getSourceFile().fileName);
}

function isOurs(node: ts.Node): boolean {
  return fileOf(node).startsWith('src/');
}

/** Private, or for the library alone; values are not seen, but for what the types of parameters say. */
function isHidden(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node) || ts.isAccessor(node))
    if (ts.isPrivateIdentifier(node.name)) return true;
  const isModified =
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
  return isModified === true || ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal');
}
