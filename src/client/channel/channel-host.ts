import type { AmqpError } from '../../errors';
import type { Table } from '../../protocol/field-table';
import type { LateDeliveries } from '../../protocol/late-deliveries';
import type { Reader } from '../../protocol/wire';
import type { MessageCounts } from '../connection/connection-stats';
import type { KnownQueues } from '../connection/known-queues';
import type { RecoveryFailure } from '../connection/recovery-info';
import type { Dispatcher } from '../dispatcher';
import type { RecoveryPolicy } from '../options/recovery-options';
import type { Pump } from '../pump';
import type { NoAckBuffer } from './no-ack-buffer';

/** What may name queues in a publish. */
export interface ToQueue {
  readonly exchange?: string | undefined;
  readonly routingKey?: string | undefined;
  readonly replyTo?: string | undefined;
}

/** What the loss and the recovery of the connection mean for its channels. */
export interface Outages {
  /** Why the connection is not there now. */
  readonly outage: AmqpError | undefined;
  /** Arguments that call a queue by the name it had before, with the name that it has now. */
  current<A extends object>(args: A): A;
  /** The same for what is published straight to a queue, or asks for replies to one. */
  currentAddress<O extends ToQueue>(options: O): O;
}

/** Limits of calls, and how waits for events end. */
export interface Waits {
  /** When a call that starts now, or that began before, has to end. */
  deadline(timeout: number | undefined, began?: number): number;
  /** When a wait for events that starts now has to end. */
  eventDeadline(timeout: number): number;
  /** Was it `withDeadline` that ended a wait? @throws {TimeoutError} */
  checkLimit(): void;
  /** A queue that is never empty leaves no sleep to be ended. @throws {InterruptedError} by another thread */
  checkInterrupt(): void;
  /** Pump until `goal` is done, the deadline, or the next timer. */
  waitFor(goal: { readonly isDone: boolean }, deadline: number): boolean;
  /** Limit everything that `fn` does on the connection to `ms` altogether. */
  within<T>(ms: number, fn: () => T): T;
}

/** A connection, as its channels see it. */
export interface ChannelHost {
  /** The public connection. */
  readonly owner: object;
  readonly pump: Pump;
  readonly dispatcher: Dispatcher;
  readonly counts: MessageCounts;
  readonly events: Waits;
  readonly recovery: Outages;
  /** Undefined: a lost connection is over. */
  readonly recoveryPolicy: RecoveryPolicy | undefined;
  readonly queues: KnownQueues;
  readonly frameMax: number;
  readonly maxMessageSize: number;
  readonly callTimeout: number;
  readonly blockedTimeout: number;
  /** Milliseconds at most that a message which fails again waits until it goes back. */
  readonly requeuePause: number;
  readonly warnings: boolean;
  /** What the server said of itself when the connection was opened last. */
  readonly greeting: { readonly serverProperties: Table } | undefined;
  readonly isOpen: boolean;
  readonly isBlocked: boolean;
  readonly blockedReason: string | undefined;
  readonly lastError: AmqpError | undefined;
  /** Look at what has come, without waiting. */
  pollIfNews(): void;
  /** @throws why the connection has ended: the error itself once, then that it is closed */
  checkAlive(what: string): void;
  /** A number for a channel. @throws {WrongStateError} all are in use */
  freeNumber(): number;
  /** The number belongs to this channel from now on. @returns what may come late for earlier ones */
  adopt(channel: HostedChannel): LateDeliveries;
  /** The number is free again. */
  forget(channel: HostedChannel): void;
  newNoAckBuffer(): NoAckBuffer;
  /** The caller is about to hear of the end, whoever noticed it. */
  report(error: AmqpError): AmqpError;
  /** Run what keeps errors to itself: if the connection ends meanwhile, the next call tells. */
  quietly(act: () => void): void;
}

/** A channel, as its connection sees it. */
export interface HostedChannel {
  readonly id: number;
  readonly isOpen: boolean;
  readonly late: LateDeliveries;
  readonly unacked: { readonly size: number };
  /** Publishes that wait for the broker's word. */
  readonly unconfirmed: number;
  /** Whether the wait for `goal` is one on this channel. */
  isAwaiting(goal: object): boolean;
  /** The public channel; one that the library opens for itself has none. */
  readonly owner: object | undefined;
  /** One frame of this channel. @throws {ProtocolViolation} */
  route(type: number, reader: Reader): void;
  /** The connection has ended. */
  died(error: AmqpError): void;
  /** The connection is lost, and will be recovered. */
  connectionLost(error: AmqpError): void;
  /** The connection is there again: `isOpen`, the broker has this channel; `tags` are its consumers, less the failures. */
  recovered(
    isOpen: boolean,
    failure: AmqpError,
    tags: readonly string[],
    failures: readonly RecoveryFailure[],
  ): void;
  /** Whether consumers get no more before the program settles something. `isEndless`: it waits without a limit. */
  isStuck(isEndless: boolean): boolean;
}
