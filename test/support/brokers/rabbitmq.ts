/**
 * A private, throw-away RabbitMQ node: own name, ports, epmd, cookie and data folder, all on 127.0.0.1.
 *
 *     this process ──pipe──► sentinel (sh)      the pipe closes when we stop, crash or are killed -9;
 *           │                    │ kill -9      the sentinel then kills the VM and the private epmd and
 *           └────spawn────► VM ◄─┘              removes the folder: one way to tidy up, whatever happens
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

export interface RabbitmqOptions {
  /** Listen for TLS too, with a certificate authority made for this node; default false. */
  tls?: boolean;
  /** Names of plugins to enable. */
  plugins?: readonly string[];
  /** Settings of the application `rabbit`, as Erlang writes them: `{max_message_size, 1000}`. */
  settings?: readonly string[];
  /** Options of the TLS listener besides its certificate. */
  tlsOptions?: readonly string[];
  /** A node whose cluster this one joins as it starts. It has to be stopped last. */
  cluster?: PrivateRabbitmq;
  /** How long the node may take to answer, in milliseconds; default 180,000: a busy machine needs most of a minute. */
  timeout?: number;
}

/** Start a node and wait until it answers an AMQP handshake (3 to 5 s). */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<PrivateRabbitmq> {
  const bin = rabbitmqFolder();
  if (!bin) throw new Error('rabbitmq-server was not found: install it, or set RABBITMQ_BIN to its folder.');
  const rabbitmq = new PrivateRabbitmq(bin, await claimPorts(), options);
  await rabbitmq.start(options.timeout);
  return rabbitmq;
}

/** The folder of RabbitMQ's scripts, if there is one. RABBITMQ_BIN replaces the search. */
export function rabbitmqFolder(): string | undefined {
  const { RABBITMQ_BIN, PATH = '' } = process.env;
  // First where Debian keeps the scripts themselves: its /usr/sbin has wrappers that change user and environment.
  const folders = RABBITMQ_BIN ? [RABBITMQ_BIN] : ['/usr/lib/rabbitmq/bin', ...PATH.split(delimiter)];
  return folders.find((folder) => fs.existsSync(join(folder, 'rabbitmq-server')));
}

/** Whether an AMQP 0-9-1 broker answers at `url`: its first byte must be that of a method frame. */
export function answersAmqp(url: string, timeout = 1000): Promise<boolean> {
  if (!URL.canParse(url)) return Promise.resolve(false);
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'amqps:';
  const host = hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const address = { host, port: Number(port || (secure ? 5671 : 5672)), rejectUnauthorized: false };
  return new Promise((resolve) => {
    const socket: Socket = secure ? connectTls(address) : connect(address);
    socket.setTimeout(timeout, () => socket.destroy());
    socket.once(secure ? 'secureConnect' : 'connect', () => socket.write('AMQP\0\0\x09\x01', 'latin1'));
    socket.once('data', (bytes) => socket.destroy(void resolve(bytes[0] === 1)));
    socket.on('error', () => {}); // 'close' follows
    socket.once('close', () => resolve(false));
  });
}

export class PrivateRabbitmq {
  /** Everything the node writes, and `certs`; removed by `stop`. */
  readonly dir = fs.mkdtempSync(join(tmpdir(), 'amqp-sync-rabbitmq-'));
  readonly node: string;
  readonly url: string;
  readonly amqpsUrl?: string;
  /** Path of the authority's certificate; only with `tls`. */
  readonly ca?: string;
  /** Folder of ca.pem, server.pem, server.key, client.pem and client.key; only with `tls`. */
  readonly certs?: string;

  readonly #bin: string;
  readonly #distPort: number;
  /** Of the node's epmd. */
  readonly #epmdPort: number;
  readonly #context: { cwd: string; env: Record<string, string> };
  readonly #claim: Server;
  readonly #sentinel: ChildProcess;
  readonly #tidied: Promise<unknown>;
  #vm: ChildProcess | undefined;

  /** @internal `startRabbitmq` is the way in. */
  constructor(
    bin: string,
    { claim, first }: Ports,
    {
      tls,
      plugins = [],
      settings = [],
      tlsOptions = ['{fail_if_no_peer_cert, false}'],
      cluster,
    }: RabbitmqOptions,
  ) {
    this.node = `amqp-sync-${first}@localhost`;
    this.url = `amqp://guest:guest@127.0.0.1:${first + 1}/%2f`;
    this.#bin = bin;
    this.#claim = claim;
    this.#distPort = first + 4;
    this.#epmdPort = cluster === undefined ? first + 5 : cluster.#epmdPort;
    this.#context = { cwd: this.dir, env: environment(this.dir, this.node, first) };
    if (cluster !== undefined) {
      const { env } = this.#context;
      Object.assign(env, { HOME: cluster.dir, ERL_EPMD_PORT: `${this.#epmdPort}` }); // one cookie, one epmd
    }
    const epmd = cluster === undefined ? 'epmd -kill; ' : '';
    this.#sentinel = spawn('sh', ['-c', `${SENTINEL}; ${epmd}rm -rf "$1"`, 'sentinel', this.dir], {
      ...this.#context,
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true, // out of reach of Ctrl-C
    });
    this.#tidied = once(this.#sentinel, 'exit');
    // Whoever forgets to stop a node may end all the same: the sentinel notices.
    this.#sentinel.unref();
    (this.#sentinel.stdin as Socket).on('error', () => {}).unref();
    const rabbit = [
      `{tcp_listeners, [{"127.0.0.1", ${first + 1}}]}`,
      '{disk_free_limit, 1000000}',
      // as in the RabbitMQ 4.3 that its makers give out; Debian's permits them. Earlier ones do not know of this.
      '{permit_deprecated_features, #{transient_nonexcl_queues => false}}',
      ...settings,
    ];
    if (tls) {
      this.certs = join(this.dir, 'certs');
      this.ca = join(this.certs, 'ca.pem');
      this.amqpsUrl = `amqps://guest:guest@localhost:${first + 2}/%2f`;
      makeCertificates(this.certs);
      const files = { cacertfile: 'ca.pem', certfile: 'server.pem', keyfile: 'server.key' };
      const own = Object.entries(files).map(([name, file]) => `{${name}, "${join(this.certs!, file)}"}`);
      rabbit.push(
        `{ssl_listeners, [{"127.0.0.1", ${first + 2}}]}`,
        `{ssl_options, [${[...own, '{verify, verify_peer}', ...tlsOptions]}]}`,
      );
    }
    if (cluster !== undefined) {
      rabbit.push(
        '{cluster_formation, [{peer_discovery_backend, rabbit_peer_discovery_classic_config}]}',
        `{cluster_nodes, {['${cluster.node}', '${this.node}'], disc}}`,
      );
    }
    fs.writeFileSync(join(this.dir, 'rabbitmq.config'), `[{rabbit, [${rabbit}]}].\n`);
    fs.writeFileSync(join(this.dir, 'enabled_plugins'), `[${plugins.join()}].\n`);
  }

  /** The Erlang VM's process id, for SIGSTOP and SIGCONT; 0 while it is down. */
  get pid(): number {
    return this.#alive()?.pid ?? 0;
  }

  /** Run `rabbitmqctl` on this node. Blocks for about a second; returns its output, without headers. */
  ctl(...args: string[]): string {
    const options = { ...this.#context, encoding: 'utf8', stdio: 'pipe', timeout: 180_000 } as const;
    return execFileSync(join(this.#bin, 'rabbitmqctl'), ['-s', '-n', this.node, ...args], options);
  }

  /**
   * Evaluate an Erlang expression on the node, as `rabbitmqctl eval` does; returns its value as Erlang writes it. Blocks
   * for milliseconds where `erl_call` is, which comes with Debian's Erlang: it starts no Erlang of its own.
   */
  eval(expression: string): string {
    // erl_call and rabbitmqctl write binaries and quotes each in its way, base64 alike
    const code = `binary_to_list(base64:encode(unicode:characters_to_binary(io_lib:format("~0tp", [${expression}])))).\n`;
    const cookie = fs.readFileSync(join(this.#context.env.HOME!, '.erlang.cookie'), 'utf8').trim();
    const args = ['-address', `127.0.0.1:${this.#distPort}`, '-r', '-c', cookie, '-e'];
    const options = { ...this.#context, encoding: 'utf8', input: code, timeout: 180_000 } as const;
    const { error, stdout, stderr } = spawnSync('erl_call', args, options);
    const written = error ? this.ctl('eval', code) : stdout;
    const text = /^(?:\{ok, )?"([\w+/=]*)"\}?\s*$/.exec(written)?.[1];
    if (text === undefined) throw new Error(`${expression} failed: ${written}${stderr ?? ''}`);
    return Buffer.from(text, 'base64').toString();
  }

  /** A user who may do everything in a vhost, which is made if need be. */
  addUser(name: string, password: string, vhost = '/'): void {
    const [user, secret, host] = [name, password, vhost].map(binary);
    this.eval(`rabbit_auth_backend_internal:add_user(${user}, ${secret}, <<"test">>)`);
    if (vhost !== '/') this.eval(`rabbit_vhost:add(${host}, <<"test">>)`);
    const all = '<<".*">>';
    this.eval(
      `rabbit_auth_backend_internal:set_permissions(${user}, ${host}, ${all}, ${all}, ${all}, <<"test">>)`,
    );
  }

  clearPassword(name: string): void {
    this.eval(`rabbit_auth_backend_internal:clear_password(${binary(name)}, <<"test">>)`);
  }

  /** Close every connection, as an operator does. */
  closeConnections(reason: string): void {
    this.eval(
      `[rabbit_networking:close_connection(Pid, ${binary(reason)}) || Pid <- rabbit_networking:connections()]`,
    );
  }

  /** The fraction of the machine's memory above which whoever publishes is blocked: 0 blocks them all, 0.4 is usual. */
  limitMemory(fraction: number): void {
    // the handler of alarms answers once it has told every connection
    const limit = `vm_memory_monitor:set_vm_memory_high_watermark(${fraction.toFixed(9)})`;
    this.eval(`begin ${limit}, rabbit_alarm:get_alarms() end`);
  }

  /** Start the node again after `kill`, with the same ports and data, and wait until it answers, and its boot is over. */
  async start(timeout = 180_000): Promise<void> {
    const logFile = join(this.dir, 'console.log');
    const log = fs.openSync(logFile, 'a');
    const options = { ...this.#context, detached: true };
    const vm = spawn(join(this.#bin, 'rabbitmq-server'), { ...options, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.#vm = vm;
    this.#guard(vm.pid);
    vm.on('error', () => {}); // it has no pid then, which the loop below reports
    vm.on('exit', () => this.#guard(undefined));
    vm.unref();
    const deadline = Date.now() + timeout;
    while (!(await answersAmqp(this.url))) {
      if (!this.#alive() || Date.now() > deadline) {
        const complaint = fs.readFileSync(logFile, 'utf8').match(/(^.*\[error\].*\n){1,12}/m)?.[0] ?? '';
        await this.stop();
        throw new Error(`RabbitMQ did not start within ${timeout} ms.\n${complaint}`);
      }
      await sleep(50);
    }
    // the node answers before its boot is over, and until then operators find no connections
    const booted = this.eval(`rabbit:await_startup(node(), false, ${timeout})`);
    if (booted !== 'ok') throw new Error(`RabbitMQ answers, but its boot is not over: ${booted}`);
  }

  /** Kill the VM, keep ports and data. SIGTERM is a polite shutdown: clients are told, and it takes a second. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const vm = this.#alive();
    if (!vm) return;
    vm.ref();
    const gone = once(vm, 'exit');
    vm.kill(signal);
    vm.kill('SIGCONT'); // a stopped process would sleep through SIGTERM
    const lastResort = setTimeout(() => vm.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(lastResort);
  }

  /** Stop for good and remove `dir`. Nothing is kept, so the default is the quick way. */
  async stop({ signal = 'SIGKILL' }: { signal?: NodeJS.Signals } = {}): Promise<void> {
    await this.kill(signal);
    this.#sentinel.ref();
    this.#sentinel.stdin?.end();
    await this.#tidied;
    this.#claim.close();
  }

  #alive(): ChildProcess | undefined {
    return this.#vm?.pid && this.#vm.exitCode === null && this.#vm.signalCode === null ? this.#vm : undefined;
  }

  /** Tell the sentinel whom to kill; nobody once the VM is gone, for its number may be given to another. */
  #guard(pid: number | undefined): void {
    this.#sentinel.stdin?.write(`${pid ?? ''}\n`);
  }
}

const SENTINEL = 'cd /; while read -r line; do vm=$line; done; [ "$vm" ] && kill -9 "$vm"';

/**
 * The modules of RabbitMQ and of what it depends on are loaded together before it boots. It loads almost all of them, each
 * when it meets it, and then Erlang copies the table of all functions each time: half of the CPU of a start. Other
 * Erlangs, such as that of rabbitmqctl, get the flag, too, and have another boot file.
 */
const LOAD_AT_ONCE = `
  case init:get_argument(boot) of
    {ok, [["start_sasl"]]} ->
      Applications = fun Add(Name, Found) when is_map_key(Name, Found) -> Found;
        Add(Name, Found) ->
          {ok, [{application, _, Keys}]} = file:consult(code:where_is_file(atom_to_list(Name) ++ ".app")),
          lists:foldl(Add, Found#{Name => proplists:get_value(modules, Keys)}, proplists:get_value(applications, Keys))
      end,
      code:ensure_modules_loaded(lists:append(maps:values(Applications(rabbit, #{}))));
    _ -> ok
  end.`.replaceAll(/\s+/g, ' ');

/** Schedulers without work sleep, and do not look for some of it first: it is the processor of the tests. */
const IDLE = '+sbwt none +sbwtdcpu none +sbwtdio none';

/** For the server, for rabbitmqctl and for epmd alike; nothing of the system's own configuration gets in. */
function environment(dir: string, node: string, first: number): Record<string, string> {
  const loopback = '-kernel inet_dist_use_interface {127,0,0,1}';
  return {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    LANG: 'C.UTF-8',
    HOME: dir, // where the cookie is
    RUNNING_UNDER_SYSTEMD: '1', // the script execs the VM, so that the child's pid is the VM's
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: node,
    // Erlang's terms: reading rabbitmq.conf takes a second of CPU
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.config'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_DIST_PORT: `${first + 4}`,
    RABBITMQ_CTL_DIST_PORT_MIN: `${first + 6}`,
    RABBITMQ_CTL_ERL_ARGS: `${loopback} +S 1:1 ${IDLE}`,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `${loopback} +S 2:2 ${IDLE}`,
    ERL_AFLAGS: `-eval '${LOAD_AT_ONCE}'`,
    ERL_EPMD_PORT: `${first + 5}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_RELAXED_COMMAND_CHECK: '1', // `epmd -kill` works even if it still believes a node is there
  };
}

/** A string as Erlang writes its bytes. */
const binary = (text: string) => `<<${[...Buffer.from(text)].join()}>>`;

type Ports = { claim: Server; first: number };

/**
 * Ten free ports below the ephemeral range: whoever polls an ephemeral port can connect to himself, and so take it
 * from the node. We listen on the first as long as the node is ours, so that no other run picks the ten.
 */
async function claimPorts(): Promise<Ports> {
  const listen = async (port: number) => {
    const server = createServer().unref().listen(port, '127.0.0.1');
    return once(server, 'listening')
      .then(() => server)
      .catch(() => undefined);
  };
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + 10 * Math.floor(Math.random() * 1200);
    const servers = await Promise.all(Array.from({ length: 10 }, (_, index) => listen(first + index)));
    const claimed = !servers.includes(undefined);
    for (const server of servers.slice(claimed ? 1 : 0)) server?.close();
    if (claimed) return { claim: servers[0]!, first };
  }
  throw new Error('No ten free ports in a row between 20000 and 32000.');
}

/** A throw-away authority (ca), a server certificate for localhost and a client certificate for guest. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  fs.mkdirSync(folder, { recursive: true });
  openssl('req', '-x509', ...newKey, '-subj', '/CN=amqp-sync test CA', '-keyout', 'ca.key', '-out', 'ca.pem');
  fs.writeFileSync(join(folder, 'extensions'), 'subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1\n');
  for (const [name, subject] of Object.entries({ server: 'localhost', client: 'guest' })) {
    openssl('req', ...newKey, '-subj', `/CN=${subject}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions'];
    openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, ...authority, '-out', `${name}.pem`);
  }
}
