import type { Table, TypedTableValue } from '../protocol/field-table';
import {
  decodeContentHeader,
  decodeTypedProperties,
  encodeContentHeader,
  type Properties,
  type TypedProperties,
} from '../protocol/properties';
import { encoded, Reader } from '../protocol/wire';
import { headerTerm, rewrittenTable, sorted, typesOf } from './terms';

/**
 * A message, shared by all queues that hold it. The content header is kept as it came, and sent as it came;
 * it is decoded only for those who ask for a property.
 */
export class BrokerMessage {
  #properties: Properties | undefined;
  #terms: ReadonlyMap<string, string> | undefined;

  constructor(
    readonly exchange: string,
    /** The key that it was published with; behind it those of CC, and of BCC. */
    readonly routingKeys: readonly string[],
    /** The payload of the content header frame. */
    readonly header: Buffer,
    readonly body: Buffer,
    properties?: Properties,
    /** How many of the keys nobody is to see, those of BCC. */
    readonly hiddenKeys = 0,
    /** Whether its records of deaths are the broker's, and not a client's. */
    readonly hasDied = false,
  ) {
    this.#properties = properties;
  }

  get routingKey(): string {
    return this.routingKeys[0]!;
  }

  /** The keys that may be told. */
  get shownKeys(): readonly string[] {
    return this.routingKeys.slice(0, this.routingKeys.length - this.hiddenKeys);
  }

  get properties(): Properties {
    this.#properties ??= decodeContentHeader(new Reader(this.header)).properties;
    return this.#properties;
  }

  get headers(): Table | undefined {
    return this.properties.headers;
  }

  /** Terms that a headers exchange compares. */
  terms(isSince4: boolean): ReadonlyMap<string, string> {
    const { headers } = this;
    this.#terms ??= new Map(
      [...(headers === undefined ? [] : typesOf(headers))].map(([name, value]) => [
        name,
        headerTerm(value, isSince4, 'message'),
      ]),
    );
    return this.#terms;
  }

  /** The same with more headers. */
  withHeaders(headers: Iterable<readonly [name: string, value: TypedTableValue]>): BrokerMessage {
    return this.changed((properties) => {
      properties.headers = sorted(new Map([...(properties.headers ?? []), ...headers]));
    });
  }

  /** The same as RabbitMQ keeps it since 4.0: headers by their names, and an expiration without more digits than it needs. */
  normalized(): BrokerMessage {
    const { headers, expiration } = this.properties;
    if (headers === undefined && expiration === undefined) return this;
    return this.changed((properties) => {
      if (properties.headers !== undefined) properties.headers = sorted(properties.headers);
      if (expiration !== undefined) properties.expiration = `${Number(expiration)}`;
    });
  }

  /** The same body with other properties; a value that is not touched keeps its wire type, as far as RabbitMQ has it. */
  changed(
    change: (properties: TypedProperties) => void,
    { exchange, routingKeys, hiddenKeys, hasDied }: Partial<Journey> = {},
  ): BrokerMessage {
    const reader = new Reader(this.header);
    reader.take(12); // class, weight, body size
    const properties = decodeTypedProperties(reader);
    if (properties.headers !== undefined) properties.headers = rewrittenTable(properties.headers);
    change(properties);
    const header = encoded((writer) => encodeContentHeader(writer, this.body.length, properties));
    return new BrokerMessage(
      exchange ?? this.exchange,
      routingKeys ?? this.routingKeys,
      header,
      this.body,
      undefined,
      hiddenKeys ?? this.hiddenKeys,
      hasDied ?? this.hasDied,
    );
  }
}

/** The way of a message, as far as it is no property of it. */
type Journey = Pick<BrokerMessage, 'exchange' | 'routingKeys' | 'hiddenKeys' | 'hasDied'>;

/** The keys of CC and BCC. `undefined`: the header is no array. */
export function extraKeys(headers: Table, name: 'CC' | 'BCC'): string[] | undefined {
  const value = headers[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value.filter((key) => typeof key === 'string') : undefined;
}
