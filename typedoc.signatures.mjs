/** The facades in the reference: `...args` of a function is shown as the arguments that its signature in Python names. */
import { Comment, Converter, ParameterReflection, ReflectionKind } from 'typedoc';
import ts from 'typescript';

export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_SIGNATURE, (context, reflection, _, signature) => {
    const [words, source] = calledWith(context.checker, signature) ?? [];
    if (!source?.isStringLiteral()) return;
    for (const given of reflection.parameters) context.project.removeReflection(given);
    const scope = context.withScope(reflection);
    reflection.parameters = source.value
      .split(', ')
      .filter(Boolean)
      .map((each) => parameter(scope, reflection, words, each));
  });
}

/** The glossary and the text of a signature (`Call` of src/compat/python.ts), if it is one. */
function calledWith(checker, signature) {
  const [rest] = signature?.parameters ?? [];
  const type = rest && checker.getTypeOfSymbol(rest);
  return type?.aliasSymbol?.name === 'Call' ? type.aliasTypeArguments : undefined;
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
