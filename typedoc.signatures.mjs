/** The facades in the reference: `...args` of a function is shown as the arguments that its signature in Python names. */

import { Comment, Converter, ParameterReflection, ReflectionKind } from 'typedoc';
import ts from 'typescript';

export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_SIGNATURE, (context, reflection, declaration) => {
    const rest = declaration?.parameters?.find(({ dotDotDotToken, type }) => dotDotDotToken && type);
    const [words, source] = rest === undefined ? [] : signatureOf(rest.type, context.checker);
    if (!source?.isStringLiteral()) return;
    for (const given of reflection.parameters) context.project.removeReflection(given);
    const scope = context.withScope(reflection);
    reflection.parameters = source.value
      .split(', ')
      .filter(Boolean)
      .map((each) => parameter(scope, reflection, words, each));
  });
}

/** The glossary and the text of a `Signature`, where a type is `Args` of one, by whatever name. */
function signatureOf(node, checker) {
  if (!ts.isTypeReferenceNode(node)) return [];
  let symbol = checker.getSymbolAtLocation(node.typeName);
  if (symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  if (symbol.name === 'Args')
    return checker.getTypeFromTypeNode(node.typeArguments[0]).aliasTypeArguments ?? [];
  const alias = symbol.declarations?.find(ts.isTypeAliasDeclaration);
  return alias === undefined ? [] : signatureOf(alias.type, checker);
}

/** `queue='tasks'`, with what the glossary says of it. */
function parameter(context, reflection, words, text) {
  const [, name, usual] = /^(\w+)(?:=(.*))?$/.exec(text);
  const word = words.getProperty(name);
  const result = new ParameterReflection(name, ReflectionKind.Parameter, reflection);
  const [type] = context.checker.getTypeArguments(context.checker.getTypeOfSymbol(word));
  result.type = context.converter.convertType(context.withScope(result), type);
  if (usual !== undefined) result.defaultValue = usual;
  const comment = ts.displayPartsToString(word.getDocumentationComment(context.checker));
  result.comment = new Comment([{ kind: 'text', text: comment }]);
  context.registerReflection(result, undefined);
  return result;
}
