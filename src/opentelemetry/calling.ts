import type { Attributes, Span } from '@opentelemetry/api';
import type { Connection } from '../api/connection';
import type { BlockedEvent, ConnectOperation, RecoveryEvent, RpcOperation } from '../api/diagnostics';
import { clock } from '../clock';
import { api } from './api';
import { errorType, operationAttributes } from './attributes';
import { endpoint, serverOf } from './servers';
import { failureOf, type Subscriptions } from './subscriptions';
import type { Telemetry } from './telemetry';

/** Spans for remote calls and, if they are asked for, for what else waits for the broker; connections and their outages. */
export class Calling {
  readonly #spans = new WeakMap<object, { span: Span; began: number; server: Attributes }>();

  constructor(
    readonly telemetry: Telemetry,
    readonly calls: boolean,
  ) {}

  listen(subscriptions: Subscriptions): void {
    const { connections } = this.telemetry;
    subscriptions.operation('rpc', {
      start: (operation) => this.#remoteCall(operation),
      end: (operation) => this.#answered(operation),
    });
    subscriptions.operation('call', {
      start: (operation) => {
        const { connection, method } = operation;
        connections.add(connection);
        if (this.calls) this.telemetry.enter(this.#begin(operation, method, method, { connection }));
      },
      end: (operation) => this.#end(operation),
    });
    if (this.calls) {
      subscriptions.operation('connect', {
        start: (operation) => void this.#begin(operation, 'connect', 'connect'),
        end: (operation) => this.#connected(operation),
      });
      subscriptions.operation('close', {
        start: (operation) => {
          const method = operation.channel === undefined ? 'connection.close' : 'channel.close';
          this.#begin(operation, method, method, operation);
        },
        end: (operation) => this.#end(operation),
      });
    }
    subscriptions.happening('recovery', (event) => this.#recovery(event));
    subscriptions.happening('blocked', (event) => this.#blocked(event));
    subscriptions.happening('close', ({ connection, channel }) => {
      if (channel === undefined && !connection.isOpen) connections.delete(connection);
    });
  }

  #begin(
    operation: object,
    operationName: string,
    name: string,
    { connection }: { connection?: Connection } = {},
    attributes: Attributes = {},
  ): Span {
    const server = connection === undefined ? {} : serverOf(connection);
    const span = this.telemetry.startSpan(name, {
      kind: api.SpanKind.CLIENT,
      attributes: { ...operationAttributes(operationName, undefined), ...attributes, ...server },
    });
    this.#spans.set(operation, { span, began: clock.now(), server });
    return span;
  }

  /** Which of several brokers it is is known once it is open. */
  #connected(operation: ConnectOperation): void {
    const { connection, hosts } = operation;
    const [host, another] = hosts;
    const asked = another === undefined ? endpoint('server', host) : {};
    this.#spans.get(operation)?.span.setAttributes({ ...asked, ...serverOf(connection) });
    this.#end(operation);
  }

  #end(operation: object): void {
    const begun = this.#spans.get(operation);
    if (begun === undefined) return;
    this.telemetry.leave(begun.span);
    this.telemetry.endSpan(begun.span, failureOf(operation));
  }

  // ── remote calls ────────────────────────────────────────────────────────────────────────────────────

  #remoteCall(operation: RpcOperation): void {
    const { procedure, correlationId, connection } = operation;
    this.telemetry.connections.add(connection);
    const span = this.#begin(
      operation,
      'call',
      `call ${procedure}`,
      { connection },
      {
        'messaging.destination.name': procedure,
        'messaging.message.conversation_id': correlationId,
      },
    );
    this.telemetry.enter(span);
  }

  /** The reply is of another span, that of whoever has sent it. */
  #answered(operation: RpcOperation): void {
    const begun = this.#spans.get(operation);
    if (begun === undefined) return;
    const { headers, metrics } = this.telemetry;
    const { procedure, reply } = operation;
    const context = headers.creatorOf(reply?.properties.headers);
    if (context !== undefined) begun.span.addLink({ context });
    const destination = { name: procedure, entity: procedure, isTemporary: false, routingKey: '' };
    const { began, server } = begun;
    metrics.took(began, {
      name: 'call',
      type: undefined,
      destination,
      server,
      failure: failureOf(operation),
    });
    this.#end(operation);
  }

  // ── outages ─────────────────────────────────────────────────────────────────────────────────────────

  #recovery({ connection, state, error }: RecoveryEvent): void {
    if (state === 'recovered') this.telemetry.metrics.reconnected(serverOf(connection));
    this.telemetry.activeSpan?.addEvent(`connection ${state}`, { 'error.type': errorType(error) });
  }

  #blocked({ isBlocked, reason }: BlockedEvent): void {
    const name = isBlocked ? 'connection blocked' : 'connection unblocked';
    this.telemetry.activeSpan?.addEvent(name, reason === undefined ? {} : { reason });
  }
}
