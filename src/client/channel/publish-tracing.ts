import { entriesOf, isTable, type Table, type TableInput, unchangedTable } from '../../protocol/field-table';
import { OPERATION, type PublishFacts } from '../diagnostics';
import { checkOptions, MESSAGE_PROPERTIES, PUBLISH_OPTIONS } from '../options/checks';
import type { PublishOptions } from '../options/publish-options';
import type { ChannelSession } from './channel-session';
import { type Content, contentBytes, withProperties } from './content';
import { PropertiesTooLarge } from './publish-writer';

/** Tell whoever listens of a publish, which goes on with the headers that they have added. @throws {TypeError | RangeError} */
export function tracePublish<T>(
  session: ChannelSession,
  content: Content,
  options: PublishOptions,
  batch: object | undefined,
  publish: (options: PublishOptions, facts: PublishFacts) => T,
): T {
  checkOptions('basicPublish', options, PUBLISH_OPTIONS);
  const { exchange = '', routingKey = '', mandatory = false } = options;
  const size = contentBytes(content).length;
  const { headers, ...rest } = withProperties(content, options);
  const named = Object.entries(rest).filter(([name]) => MESSAGE_PROPERTIES.has(name));
  const properties: PublishFacts['properties'] = Object.fromEntries(named);
  const given = entriesByName(headers);
  const copy: PublishFacts['headers'] = Object.fromEntries(given ?? []);
  const address = { exchange, routingKey, mandatory, size, properties, batch, seqNo: undefined };
  const facts = Object.defineProperty({ ...session.facts, ...address, headers: copy }, 'headers', {
    writable: false, // else it could be replaced by anything, and those of the program with it
  });
  return OPERATION.publish.trace(facts, () => {
    const added = given && changed(given, copy, headers);
    if (added === undefined) return publish(options, facts);
    try {
      return publish({ ...options, headers: added }, facts);
    } catch (error) {
      if (!(error instanceof PropertiesTooLarge)) throw error;
      return publish(options, facts); // it is the program's message, and goes without what others add
    }
  });
}

/** The headers by name; undefined for wrong ones, which are refused as they are. */
function entriesByName(headers: unknown): ReadonlyMap<string, unknown> | undefined {
  if (headers === undefined) return new Map();
  if (!isTable(headers)) return undefined;
  const entries = new Map(entriesOf(headers));
  for (const name of entries.keys()) if (typeof name !== 'string') return undefined;
  return entries as Map<string, unknown>;
}

/** The headers, once subscribers have changed their copy: what they left alone keeps its type on the wire. Undefined: nothing has. */
function changed(
  given: ReadonlyMap<string, unknown>,
  copy: PublishFacts['headers'],
  headers: unknown,
): TableInput | undefined {
  const names = Object.keys(copy);
  const isOld = (name: string) => given.has(name) && given.get(name) === copy[name];
  if (names.length === given.size && names.every(isOld)) return undefined;
  const typed = isTable(headers) ? unchangedTable(headers as Table) : undefined;
  const values = names.map(
    (name) => [name, (isOld(name) ? typed?.get(name) : undefined) ?? copy[name]] as const,
  );
  return new Map(values) as TableInput;
}
