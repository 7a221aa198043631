import type { Table, TableInput } from './field-table';
import type { METHODS } from './methods';

/** Types that a field decodes to, and that it can be encoded from. */
interface Decoded {
  bit: boolean;
  octet: number;
  short: number;
  long: number;
  longlong: number;
  shortstr: string;
  longstr: string;
  longbytes: Buffer;
  table: Table;
}
interface Encoded extends Omit<Decoded, 'longbytes' | 'table'> {
  longbytes: Uint8Array | string;
  table: TableInput;
}

export type MethodName = keyof typeof METHODS;
type ArgsOf<M extends MethodName> = (typeof METHODS)[M]['args'];

/** The decoded arguments of a method; reserved fields are not shown. */
export type Args<M extends MethodName> = {
  -readonly [K in keyof ArgsOf<M> as K extends `reserved${number}` ? never : K]: Decoded[ArgsOf<M>[K] &
    keyof Decoded];
};

/** Arguments that a caller may give: every field is optional, an absent one is sent as zero, false or empty. */
export type Input<M extends MethodName> = {
  -readonly [K in keyof ArgsOf<M> as K extends `reserved${number}` ? never : K]?:
    | Encoded[ArgsOf<M>[K] & keyof Encoded]
    | undefined;
};

/** The names of the methods that may answer `M`. */
export type ReplyName<M extends MethodName> = (typeof METHODS)[M] extends {
  reply: readonly (infer R extends MethodName)[];
}
  ? R
  : never;

/** A decoded method: narrow on `name`. */
export type Method<M extends MethodName = MethodName> = { [K in M]: { name: K; args: Args<K> } }[M];

/** The reply to `M`, as a union to narrow on `name`. */
export type Reply<M extends MethodName> = Method<ReplyName<M>>;

/** Methods that have a reply. */
export type RequestName = { [K in MethodName]: ReplyName<K> extends never ? never : K }[MethodName];
