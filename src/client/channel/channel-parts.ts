import type { ChannelHost } from './channel-host';
import { PartList } from './channel-part';
import { type ChannelOwner, ChannelSession } from './channel-session';
import { type CancelReceiver, Consumers } from './consumers';
import type { MessageFactory } from './message-factory';
import { PublishMode } from './publish-mode';
import { Publisher, type ReturnReceiver } from './publisher';
import { QueueNames } from './queue-names';
import { RequeuePauses } from './requeue-pauses';
import { Settler } from './settler';
import { Transactions } from './transactions';

/** What a channel is made of, below its public face: its session, and the parts that stand on that. */
export class ChannelParts {
  readonly session: ChannelSession;
  readonly queues = new QueueNames();
  readonly mode: PublishMode;
  readonly transactions: Transactions;
  readonly settler: Settler;
  readonly pauses: RequeuePauses;
  readonly consumers: Consumers;
  readonly publisher: Publisher;

  constructor(
    readonly host: ChannelHost,
    id: number,
    owner: ChannelOwner & CancelReceiver & ReturnReceiver,
    factory: MessageFactory,
  ) {
    const session = new ChannelSession(host, id, owner);
    const mode = new PublishMode(session);
    this.session = session;
    this.mode = mode;
    this.transactions = new Transactions(session, mode);
    this.settler = new Settler(session);
    this.pauses = new RequeuePauses(session, mode);
    this.consumers = new Consumers(session, this.queues, this.settler, this.pauses, mode, factory, owner);
    this.publisher = new Publisher(session, mode, this.transactions, factory, owner);
    // transactions come first: whether one is lost shows in what the others forget
    const { transactions, queues, settler, consumers, publisher } = this;
    session.parts = new PartList([transactions, mode, queues, settler, consumers, publisher]);
  }
}
