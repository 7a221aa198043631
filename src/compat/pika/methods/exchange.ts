import { method } from '../amqp-object';

export class DeclareOk extends method('Exchange.DeclareOk', 0x0028_000b, '') {}
export class DeleteOk extends method('Exchange.DeleteOk', 0x0028_0015, '') {}
export class BindOk extends method('Exchange.BindOk', 0x0028_001f, '') {}
export class UnbindOk extends method('Exchange.UnbindOk', 0x0028_0033, '') {}
