import { method } from '../amqp-object';

export class SelectOk extends method('Tx.SelectOk', 0x005a_000b, '') {}
export class CommitOk extends method('Tx.CommitOk', 0x005a_0015, '') {}
export class RollbackOk extends method('Tx.RollbackOk', 0x005a_001f, '') {}
