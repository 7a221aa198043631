import { method } from '../amqp-object';

/** The exchange is there. */
export class DeclareOk extends method('Exchange.DeclareOk', 0x0028_000b, '') {}
/** The exchange is gone. */
export class DeleteOk extends method('Exchange.DeleteOk', 0x0028_0015, '') {}
/** The exchanges are bound. */
export class BindOk extends method('Exchange.BindOk', 0x0028_001f, '') {}
/** The exchanges are bound no longer. */
export class UnbindOk extends method('Exchange.UnbindOk', 0x0028_0033, '') {}
