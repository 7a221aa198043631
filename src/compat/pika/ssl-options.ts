import { wrongType } from '../../caller';
import type { TlsOptions } from '../../client/options/tls-options';
import { showAs } from '../../shown';
import { type Args, isPlainObject, signatures } from '../python';

interface ArgumentTypes {
  /**
   * What `ssl.SSLContext` is to Python: Node's options, `{ caFile, certFile, keyFile, passphrase }` and the like.
   * A context of `tls.createSecureContext` cannot go to the thread that connects.
   */
  context: [context: TlsOptions];
  /** The name the certificate must have; default: the host. */
  server_hostname: [server_hostname: string | null];
}

const DEF = signatures<ArgumentTypes>(new Set(['context']))('SSLOptions', {
  __init__: 'context, server_hostname=None',
});

/** TLS for a connection: `new pika.SSLOptions({ caFile: 'ca.pem' }, 'rabbit.example')`. */
export class SSLOptions {
  /** The options of TLS, in Node's terms. */
  readonly context: TlsOptions;
  /** The name the certificate must have; null: the host. */
  readonly server_hostname: string | null;

  /** Nothing is read yet: files are when the connection is made. */
  constructor(...args: Args<typeof DEF.__init__>) {
    const { context, server_hostname } = DEF.__init__(args);
    if (!isPlainObject(context)) throw wrongType('context must be an object of TLS options');
    this.context = context;
    this.server_hostname = server_hostname;
  }
}

showAs(SSLOptions, ({ server_hostname }) => ({ server_hostname }));
