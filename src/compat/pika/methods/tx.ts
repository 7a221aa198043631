import { method } from '../amqp-object';

/** The channel is transactional. */
export class SelectOk extends method('Tx.SelectOk', 0x005a_000b, '') {}
/** The transaction is committed. */
export class CommitOk extends method('Tx.CommitOk', 0x005a_0015, '') {}
/** The transaction is rolled back. */
export class RollbackOk extends method('Tx.RollbackOk', 0x005a_001f, '') {}
