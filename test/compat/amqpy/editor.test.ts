/** What an editor shows who types Python's names: completions, labels and documentation. */
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..', '..', '..');
const FILE = join(ROOT, 'test', 'compat', 'amqpy', 'typed.ts'); // not on disk

/** The programs, each with a `|` where the cursor is. */
let text = '';
let version = 0;
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
const service = ts.createLanguageService({
  getScriptFileNames: () => [FILE],
  getScriptVersion: (file) => (file === FILE ? String(version) : '1'),
  getScriptSnapshot: (file) => {
    const source = file === FILE ? text : ts.sys.readFile(file);
    return source === undefined ? undefined : ts.ScriptSnapshot.fromString(source);
  },
  getCurrentDirectory: () => ROOT,
  getCompilationSettings: () => ({ ...options, types: ['node'], noUnusedLocals: false }),
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  fileExists: (file) => file === FILE || ts.sys.fileExists(file),
  readFile: ts.sys.readFile,
});

function open(program: string): number {
  const before = `import { AbstractConsumer, Connection, Message } from '../../../src/compat/amqpy';
    const conn = new Connection();\nconst ch = conn.channel();\n`;
  text = before + program.replace('|', '');
  version++;
  return before.length + program.indexOf('|');
}

const words = (parts: ts.SymbolDisplayPart[] | undefined) => ts.displayPartsToString(parts);

/** What is offered at the cursor. */
function offered(program: string): string[] {
  const at = open(program);
  return (service.getCompletionsAtPosition(FILE, at, {})?.entries ?? []).map(({ name }) => name);
}

/** The documentation of one of them. */
function documentation(program: string, name: string): string {
  const at = open(program);
  service.getCompletionsAtPosition(FILE, at, {});
  return words(
    service.getCompletionEntryDetails(FILE, at, name, {}, undefined, {}, undefined)?.documentation,
  );
}

/** The ways to call the function that the cursor is in. */
function signatures(program: string): string[] {
  const at = open(program);
  const help = service.getSignatureHelpItems(FILE, at, {});
  return (help?.items ?? []).map(({ parameters }) =>
    parameters.map(({ displayParts }) => words(displayParts)).join(', '),
  );
}

test('the methods of a channel', () => {
  const methods = ['queue_declare', 'basic_publish_confirm', 'tx_commit', 'returned_messages', 'CH_MODE_TX'];
  expect(offered('ch.|')).toEqual(expect.arrayContaining(methods));
  expect(offered('ch.|')).not.toEqual(expect.arrayContaining(['queueDeclare']));
  expect(documentation('ch.|', 'queue_declare')).toContain('without a name the broker makes one up');
});

test('keyword arguments, alone and behind others, with their documentation', () => {
  const keywords = ['passive', 'durable', 'exclusive', 'auto_delete', 'nowait', 'arguments'];
  expect(offered('ch.queue_declare({ | });')).toEqual(expect.arrayContaining(['queue', ...keywords]));
  expect(offered(`ch.queue_declare('q', { | });`)).toEqual(expect.arrayContaining(keywords));
  expect(documentation('ch.queue_declare({ | });', 'auto_delete')).toContain('default true');
  expect(documentation(`ch.queue_declare('q', { | });`, 'durable')).toContain('survives a restart');
  expect(offered('new Connection({ | });')).toEqual(
    expect.arrayContaining(['host', 'virtual_host', 'login_method', 'on_blocked', 'compat']),
  );
  expect(documentation('new Connection({ | });', 'heartbeat')).toContain('Seconds');
  expect(offered(`new Message('x', { | });`)).toEqual(
    expect.arrayContaining(['content_type', 'application_headers', 'delivery_mode']),
  );
  expect(offered('new Connection({ compat: { | } });')).toEqual(
    expect.arrayContaining(['transient_queues', 'recover', 'immediate', 'call_timeout']),
  );
});

test('positional arguments have their names', () => {
  const labels = signatures('ch.basic_reject(|)');
  expect(labels).toContain('delivery_tag: number, requeue: boolean');
  expect(signatures('ch.queue_declare(|)')[0]).toMatch(/^queue\?: string.*, passive\?: boolean.*, durable\?/);
});

test('what comes back has names, too', () => {
  expect(offered('ch.queue_declare().|')).toEqual(
    expect.arrayContaining(['queue', 'message_count', 'consumer_count']),
  );
  expect(offered('ch.basic_get()!.|')).toEqual(
    expect.arrayContaining(['body', 'ack', 'reject', 'delivery_info']),
  );
  expect(offered('ch.basic_get()!.delivery_info.|')).toEqual(
    expect.arrayContaining(['delivery_tag', 'redelivered', 'message_count']),
  );
});

test('what is wrong is underlined', () => {
  const wrong = [
    ["ch.queue_declare('q', { durabel: true });", /durabel/],
    ["ch.exchange_declare('e');", /.*/],
    ["ch.basic_publish('text');", /.*/],
    ['ch.basic_reject(1);', /.*/],
    ['ch.queue_declare(5);', /.*/],
    ['ch.basic_get().ack();', /null/],
    ["new Connection({ hostname: 'x' });", /hostname/],
    ["new Message('x', { prioritty: 5 });", /prioritty/],
    ['class C extends AbstractConsumer {}', /run/],
    ['ch.openUp();', /openUp/],
  ] as const;
  for (const [program, message] of wrong) {
    open(`${program}|`);
    const said = service
      .getSemanticDiagnostics(FILE)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    expect([program, said]).toEqual([program, [expect.stringMatching(message)]]);
  }
  open(`ch.queue_declare('q', { durable: true });
    class Printer extends AbstractConsumer { run(msg: Message) { msg.ack(); } }
    new Printer(ch, 'q', { no_ack: true }).declare(); const [queue, count] = ch.queue_declare('q', true);
    ch.basic_publish(new Message(queue, { priority: count }), { routing_key: 'q' }); conn.drain_events(1.5);|`);
  expect(service.getSemanticDiagnostics(FILE)).toEqual([]);
});
