import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Connection } from '../api/connection';
import type {
  BatchOperation,
  BlockedEvent,
  CallOperation,
  ClosedEvent,
  CloseOperation,
  ConfirmedEvent,
  ConnectOperation,
  DeliveredEvent,
  FailedEvent,
  ProcessOperation,
  PublishOperation,
  RecoveryEvent,
  RpcOperation,
  SettledEvent,
} from '../api/diagnostics';
import { SESSION } from '../api/internals';
import { guarded } from './guarded';

interface Operations {
  connect: ConnectOperation;
  publish: PublishOperation;
  batch: BatchOperation;
  process: ProcessOperation;
  call: CallOperation;
  rpc: RpcOperation;
  close: CloseOperation;
}

interface Happenings {
  confirm: ConfirmedEvent;
  deliver: DeliveredEvent;
  failure: FailedEvent;
  settle: SettledEvent;
  recovery: RecoveryEvent;
  blocked: BlockedEvent;
  close: ClosedEvent;
}

/** Subscriptions to diagnostics channels, ended together. What goes wrong in one is OpenTelemetry's concern, never the program's. */
export class Subscriptions {
  readonly #ends: (() => void)[] = [];

  /** What takes time. Once it has thrown, `end` finds an `error` among the facts. */
  operation<K extends keyof Operations>(
    name: K,
    { start, end }: { start?(facts: Operations[K]): void; end?(facts: Operations[K]): void },
  ): void {
    if (start !== undefined) this.#subscribe(`tracing:amqp-sync:${name}:start`, start);
    if (end !== undefined) this.#subscribe(`tracing:amqp-sync:${name}:end`, end);
  }

  happening<K extends keyof Happenings>(name: K, listener: (facts: Happenings[K]) => void): void {
    this.#subscribe(`amqp-sync:${name}`, listener);
  }

  #subscribe<F>(name: string, listener: (facts: F) => void): void {
    const told = (facts: F) => {
      if (isOurs(facts)) listener(facts);
    };
    const subscriber = (facts: unknown) => guarded(name, () => told(facts as F));
    subscribe(name, subscriber);
    this.#ends.push(() => unsubscribe(name, subscriber));
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

/** Another copy of this package tells on the same channels, of objects that are not known here. */
function isOurs(facts: unknown): boolean {
  return SESSION in (facts as { readonly connection: Connection }).connection;
}

/** What an operation has thrown. */
export function failureOf(facts: { readonly error?: unknown }): { readonly error: unknown } | undefined {
  return 'error' in facts ? { error: facts.error } : undefined;
}
