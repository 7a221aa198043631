import type { Attributes } from '@opentelemetry/api';
import type { Properties } from '../protocol/properties';
import { guarded } from './guarded';

/** `messaging.operation.type`, where the conventions have one. */
export type OperationType = 'create' | 'send' | 'receive' | 'process' | 'settle';

/** Names that the broker makes up. */
const TEMPORARY = /^amq\.(gen-|rabbitmq\.reply-to)/;

/** Where messages go to, or come from. */
export interface Destination {
  /** `messaging.destination.name`, as the conventions for RabbitMQ put it together. */
  readonly name: string;
  readonly isTemporary: boolean;
  /** A name of which there are few, for metrics: the exchange, or the queue. */
  readonly entity: string | undefined;
  readonly routingKey: string;
}

/** A message on its way out: `exchange:routing key`, without what is empty. */
export function destinationOf(exchange: string, routingKey: string): Destination {
  const isTemporary = exchange === '' && TEMPORARY.test(routingKey);
  const entity = exchange === '' ? routingKey || 'amq.default' : exchange;
  return {
    name: joined(exchange, routingKey) || 'amq.default',
    isTemporary,
    entity: isTemporary ? undefined : entity,
    routingKey,
  };
}

/** A message that came: `exchange:routing key:queue`, without what is empty; the queue once, if it is the routing key. */
export function sourceOf(exchange: string, routingKey: string, queue: string): Destination {
  const isTemporary = TEMPORARY.test(queue || routingKey);
  return {
    name: joined(exchange, routingKey, routingKey === queue ? '' : queue) || 'amq.default',
    isTemporary,
    entity: isTemporary ? undefined : queue || undefined,
    routingKey,
  };
}

const joined = (...names: string[]) => names.filter((name) => name !== '').join(':');

/** `send orders`; names that the broker makes up are left out, as there is no end of them. */
export function spanName(operation: string, destination: Destination | undefined): string {
  const isNamed = destination !== undefined && !destination.isTemporary;
  return isNamed ? `${operation} ${destination.name}` : operation;
}

/** What every span and every figure has. */
export function operationAttributes(name: string, type: OperationType | undefined): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': name,
    ...(type !== undefined && { 'messaging.operation.type': type }),
  };
}

export function destinationAttributes({ name, isTemporary, routingKey }: Destination): Attributes {
  return {
    'messaging.destination.name': name,
    ...(isTemporary && { 'messaging.destination.temporary': true, 'messaging.destination.anonymous': true }),
    ...(routingKey !== '' && { 'messaging.rabbitmq.destination.routing_key': routingKey }),
  };
}

export function messageAttributes({ messageId, correlationId }: Partial<Properties>): Attributes {
  return {
    ...(messageId !== undefined && { 'messaging.message.id': messageId }),
    ...(correlationId !== undefined && { 'messaging.message.conversation_id': correlationId }),
  };
}

/** `error.type`: the code, or the class. */
export function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER';
  const name = guarded('the class of an error', () => {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return [code, name].find((each) => typeof each === 'string' && each !== '') as string | undefined;
  });
  return name ?? '_OTHER';
}
