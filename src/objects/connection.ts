import { Connection as ClientConnection } from '../client/connection';
import { type ConnectOptions, resolveOptions } from '../client/options';
import { AMQPLIB_CONNECTION, explainAmqplib } from './amqplib-names';
import { Channel } from './channel';
import type { Exchange } from './exchange';
import { Procedure, withNewChannel } from './procedure';
import type { Queue } from './queue';
import { Replies } from './rpc-replies';

/** The queue that is none: replies come straight to whoever consumes from it. */
const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

/**
 * Open a connection. Blocks until it is open, at most `connectTimeout` ms.
 *
 * Without a URL: `AMQP_URL` of the environment, else `amqp://guest:guest@localhost:5672/`.
 * @throws {ConnectError} nobody answers, TLS fails, or the time is up; `attempts` names host and stage
 * @throws {AuthenticationError} the broker refuses the credentials
 * @throws {NotAllowedError} 530, no such vhost
 *
 *     const connection = connect('amqp://localhost', { heartbeat: 30 });
 *     const channel = connection.channel();
 */
export function connect(url?: string | ConnectOptions, options?: ConnectOptions): Connection {
  return new Connection(resolveOptions(url, options));
}

/**
 * `connect` with `recovery: true`: a connection that comes back by itself, with all that was declared on it.
 * aio-pika's connect_robust. Blocks and throws like `connect`.
 *
 *     const connection = connectRobust('amqp://rabbit-1?reconnect_interval=5');
 */
export function connectRobust(url?: string | ConnectOptions, options: ConnectOptions = {}): Connection {
  const { recovery } = { ...(typeof url === 'object' ? url : undefined), ...options };
  return connect(url, { ...options, recovery: recovery || true });
}

/**
 * A connection to a broker. A thread of its own owns the socket: heartbeats go on while your code is
 * busy. Everything else, callbacks included, happens in the thread that made the connection, and only
 * inside its calls.
 */
export class Connection extends ClientConnection {
  #defaultChannel: Channel | undefined;
  #directReplies: Replies | undefined;

  /**
   * Open a channel with a number of its own, or with `id`; an id in use gives that channel. Numbers are handed out
   * in turn: one that was given back rests as long as there are others. Blocks for a round trip.
   * @throws {WrongStateError} all `channelMax` channels are in use
   *
   *     const channel = connection.channel();
   *     const queue = channel.declareQueue('tasks');
   */
  override channel(id?: number): Channel {
    return super.channel(id) as Channel;
  }

  /** @internal */
  protected override newChannel(id: number): Channel {
    return new Channel(this, id);
  }

  /** The open channels, by number. */
  override get channels(): ReadonlyMap<number, Channel> {
    return super.channels as ReadonlyMap<number, Channel>;
  }

  /**
   * A channel for what needs none of its own; opened when it is first used, and anew once it is closed.
   *
   *     const queue = connection.defaultChannel.declareQueue();
   *     queue.publish('hello');
   */
  get defaultChannel(): Channel {
    if (!this.#defaultChannel?.isOpen) this.#defaultChannel = this.channel();
    return this.#defaultChannel as Channel;
  }

  /**
   * A queue that exists, on the default channel. Nothing is sent, but for opening that channel: a name that
   * is wrong shows when the queue is used. `defaultChannel.declareQueue` makes one.
   *
   *     connection.queue('tasks').publish('hello');
   *     for (const message of connection.queue('tasks')) message.process(work);
   */
  queue(name: string): Queue {
    return this.defaultChannel.getQueue(name, { ensure: false });
  }

  /**
   * An exchange that exists, on the default channel, as `queue` gives a queue; '' is the default exchange.
   *
   *     connection.exchange('logs').publish('disk full', 'error');
   *     connection.exchange('').publish('a task', 'tasks');
   */
  exchange(name: string): Exchange {
    return this.defaultChannel.getExchange(name, { ensure: false });
  }

  /**
   * A procedure by its name: to call it, or to serve it. Nothing is sent.
   *
   *     connection.rpc('sum').serve((request) => add(request.json));
   *     const sum = elsewhere.rpc('sum').call({ a: 1, b: 2 }).json;
   */
  rpc(name: string): Procedure {
    return new Procedure(this, name);
  }

  /** Of the channel that calls of procedures share. @internal */
  directReplies(timeout: number | undefined): Replies {
    if (!this.#directReplies?.isOpen) {
      const start = (channel: Channel) => new Replies(channel, DIRECT_REPLY_TO, { timeout });
      this.#directReplies = withNewChannel(this, start);
    }
    return this.#directReplies as Replies;
  }
}

explainAmqplib(Connection.prototype, 'connection', AMQPLIB_CONNECTION);
