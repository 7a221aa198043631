import type { Table, TypedTableValue } from '../protocol/field-table';
import {
  decodeContentHeader,
  decodeTypedProperties,
  encodeContentHeader,
  type Properties,
  type TypedProperties,
} from '../protocol/properties';
import { encoded, Reader } from '../protocol/wire';
import { rewrittenTable, sorted, term, typesOf } from './terms';

/**
 * A message, shared by all queues that hold it. The content header is kept as it came, and sent as it came;
 * it is decoded only for those who ask for a property.
 */
export class BrokerMessage {
  #properties: Properties | undefined;
  #terms: ReadonlyMap<string, string> | undefined;

  constructor(
    readonly exchange: string,
    /** The key that it was published with; CC and BCC stand behind it. */
    readonly routingKeys: readonly string[],
    /** The payload of the content header frame. */
    readonly header: Buffer,
    readonly body: Buffer,
    properties?: Properties,
  ) {
    this.#properties = properties;
  }

  get routingKey(): string {
    return this.routingKeys[0]!;
  }

  get properties(): Properties {
    this.#properties ??= decodeContentHeader(new Reader(this.header)).properties;
    return this.#properties;
  }

  get headers(): Table | undefined {
    return this.properties.headers;
  }

  /** Terms that a headers exchange compares. */
  get terms(): ReadonlyMap<string, string> {
    const { headers } = this;
    this.#terms ??= new Map(
      headers === undefined ? [] : [...typesOf(headers)].map(([name, value]) => [name, term(value)]),
    );
    return this.#terms;
  }

  /** The same with one more header. */
  withHeader(name: string, value: TypedTableValue): BrokerMessage {
    return this.changed((properties) => {
      properties.headers = sorted(new Map(properties.headers).set(name, value));
    });
  }

  /** The same body with other properties; a value that is not touched keeps its wire type, as far as RabbitMQ has it. */
  changed(
    change: (properties: TypedProperties) => void,
    exchange = this.exchange,
    routingKeys = this.routingKeys,
  ): BrokerMessage {
    const reader = new Reader(this.header);
    reader.take(12); // class, weight, body size
    const properties = decodeTypedProperties(reader);
    if (properties.headers !== undefined) properties.headers = rewrittenTable(properties.headers);
    change(properties);
    const header = encoded((writer) => encodeContentHeader(writer, this.body.length, properties));
    return new BrokerMessage(exchange, routingKeys, header, this.body);
  }
}

/** The keys of CC and BCC. `undefined`: the header is no array. */
export function extraKeys(headers: Table, name: 'CC' | 'BCC'): string[] | undefined {
  const value = headers[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value.filter((key) => typeof key === 'string') : undefined;
}
