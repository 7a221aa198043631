/** What a program can reach of an object by name, against what its classes declare for everybody. */
import ts from 'typescript';
import { readSources } from '../house/sources';

/** The members that each class of these folders declares for everybody, less what is internal. */
export type Documented = ReadonlyMap<string, ReadonlySet<string>>;

export function documentedIn(...folders: string[]): Documented {
  const documented = new Map<string, Set<string>>();
  for (const { file, text } of readSources(...folders)) {
    const visit = (node: ts.Node): void => {
      if (ts.isClassLike(node) && node.name !== undefined) {
        const { text: name } = node.name;
        const names = documented.get(name) ?? new Set();
        for (const member of node.members.flatMap(publicNames)) names.add(member);
        documented.set(name, names);
      }
      node.forEachChild(visit);
    };
    visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  }
  return documented;
}

function publicNames(member: ts.ClassElement): string[] {
  if (ts.isConstructorDeclaration(member))
    return member.parameters
      .filter((parameter) => ts.isParameterPropertyDeclaration(parameter, member))
      .flatMap(publicName);
  return publicName(member);
}

function publicName(member: ts.ClassElement | ts.ParameterDeclaration): string[] {
  const isHidden =
    ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
  const isInternal = ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
  const { name } = member;
  return !isHidden && !isInternal && name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}

/** The names on an object and on its prototypes that no class of it documents; `toJSON` is for logs. */
export function undocumented(object: object, documented: Documented): string[] {
  const [names, known] = [new Set<string>(), new Set<string>(['constructor', 'toJSON'])];
  for (let each = object; !isBuiltIn(each); each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
    for (const name of documented.get(each.constructor.name) ?? []) known.add(name);
  }
  return [...names].filter((name) => !known.has(name));
}

function isBuiltIn(object: object): boolean {
  return object === null || object === Object.prototype || object === Error.prototype;
}
