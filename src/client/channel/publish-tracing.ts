import { isTable, type Table, type TableInput, typedTable } from '../../protocol/field-table';
import { OPERATION, type PublishFacts } from '../diagnostics';
import { checkOptions, MESSAGE_PROPERTIES, PUBLISH_OPTIONS } from '../options/checks';
import type { PublishOptions } from '../options/publish-options';
import type { ChannelSession } from './channel-session';
import { type Content, contentBytes, withProperties } from './content';

/** Tell whoever listens of a publish, which goes on with the headers that they have added. @throws {TypeError | RangeError} */
export function tracePublish<T>(
  session: ChannelSession,
  content: Content,
  options: PublishOptions,
  batch: object | undefined,
  publish: (options: PublishOptions, facts: PublishFacts) => T,
): T {
  checkOptions('basicPublish', options, PUBLISH_OPTIONS);
  const { headers, ...rest } = withProperties(content, options);
  const given = isTable(headers) ? new Map<string, unknown>(entriesOf(headers)) : new Map<string, unknown>();
  const facts = { ...session.facts, ...factsOf(content, options, rest, given), batch };
  return OPERATION.publish.trace(facts, () => {
    const headersNow = changed(given, facts.headers, headers);
    return publish(headersNow === undefined ? options : { ...options, headers: headersNow }, facts);
  });
}

const entriesOf = (table: object) => (table instanceof Map ? table : Object.entries(table));

/** The headers, once subscribers have changed their copy: what they left alone keeps its type on the wire. Undefined: nothing has. */
function changed(
  given: ReadonlyMap<string, unknown>,
  copy: Readonly<Record<string, unknown>>,
  headers: unknown,
): TableInput | undefined {
  const names = Object.keys(copy);
  const isOld = (name: string) => given.has(name) && given.get(name) === copy[name];
  if (names.length === given.size && names.every(isOld)) return undefined;
  const typed = isTable(headers) ? typedTable(headers as Table) : undefined;
  const values = names.map(
    (name) => [name, (isOld(name) ? typed?.get(name) : undefined) ?? copy[name]] as const,
  );
  return new Map(values) as TableInput;
}

function factsOf(
  content: Content,
  { exchange = '', routingKey = '', mandatory = false }: PublishOptions,
  options: object,
  headers: ReadonlyMap<string, unknown>,
): Omit<PublishFacts, 'batch'> {
  const size = contentBytes(content).length;
  const named = Object.entries(options).filter(([name]) => MESSAGE_PROPERTIES.has(name));
  const properties: PublishFacts['properties'] = Object.fromEntries(named);
  return {
    ...{ exchange, routingKey, mandatory, size, properties },
    headers: Object.fromEntries(headers),
    seqNo: undefined,
  };
}
