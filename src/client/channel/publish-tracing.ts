import { isTable, type Table } from '../../protocol/field-table';
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
  const facts = { ...session.facts, ...factsOf(content, options, batch) };
  return OPERATION.publish.trace(facts, () => {
    const { headers } = facts;
    const isWithout = Object.keys(headers).length === 0;
    return publish(isWithout ? options : { ...options, headers: headers as Table }, facts);
  });
}

function factsOf(content: Content, options: PublishOptions, batch: object | undefined): PublishFacts {
  const { exchange = '', routingKey = '', mandatory = false } = options;
  const size = contentBytes(content).length;
  const { headers, ...rest } = withProperties(content, options);
  const named = Object.entries(rest).filter(([name]) => MESSAGE_PROPERTIES.has(name));
  const properties: PublishFacts['properties'] = Object.fromEntries(named);
  return {
    ...{ exchange, routingKey, mandatory, size, properties, batch },
    headers: isTable(headers) ? { ...headers } : {},
    seqNo: undefined,
  };
}
