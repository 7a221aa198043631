import { type Args, signatures } from '../python';

interface ArgumentTypes {
  /** Who. */
  username: [username: string | null];
  /** The proof of it. */
  password: [password: string | null];
  /** Forget both once the connection is open: no second connection can be opened with them. */
  erase_on_connect: [erase_on_connect: boolean];
}

const DEF = signatures<ArgumentTypes>()('PlainCredentials', {
  __init__: 'username, password, erase_on_connect=False',
});

/** Name and password (SASL PLAIN). */
export class PlainCredentials {
  /** The SASL mechanism, as a broker calls it. */
  static readonly TYPE = 'PLAIN';
  /** The user; null once it was erased. */
  username: string | null;
  /** The password, which logs do not show; null once it was erased. */
  password: string | null;
  /** Whether both are forgotten once the connection is open. */
  readonly erase_on_connect: boolean;

  /** Name and password. Nothing is sent. */
  constructor(...args: Args<typeof DEF.__init__>) {
    const { username, password, erase_on_connect } = DEF.__init__(args);
    this.username = username;
    this.password = password;
    this.erase_on_connect = erase_on_connect;
    // what shows an object must not show this
    Object.defineProperty(this, 'password', { value: password, writable: true, enumerable: false });
  }

  /** Called when the connection is open; does something with `erase_on_connect` only. */
  erase_credentials(): void {
    if (!this.erase_on_connect) return;
    this.username = null;
    this.password = null;
  }
}

/** The client certificate says who it is (SASL EXTERNAL). */
export class ExternalCredentials {
  /** The SASL mechanism, as a broker calls it. */
  static readonly TYPE = 'EXTERNAL';
  /** There is nothing to erase. */
  readonly erase_on_connect = false;

  /** Does nothing: there is no password. */
  erase_credentials(): void {}
}

/** What `ConnectionParameters` takes. */
export const VALID_TYPES = [PlainCredentials, ExternalCredentials] as const;
/** Who logs in, and how. */
export type Credentials = PlainCredentials | ExternalCredentials;
