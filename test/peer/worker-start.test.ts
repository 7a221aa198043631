/** A worker thread that cannot start, in programs of their own: what they are told, and that they live on. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../support/built';
import { AT_ONCE, broker } from '../support/peers/peer';
import { ready, serve } from '../support/peers/script';
import { type ProgramOptions, run } from '../support/programs/program';

const HOOK = join(__dirname, '..', 'support', 'programs', 'worker-fault.cjs');

let library: string;
beforeEach(() => {
  library = mkdtempSync(`${build()}-`); // beside it, where its dependency is found
  cpSync(build(), library, { recursive: true });
});
afterEach(() => rmSync(library, { recursive: true }));

/** A program that has a connection, spoils the library, and connects again. */
function spoiled(spoil: string, options: ProgramOptions = {}) {
  const program = run(
    `const fs = require('node:fs');
    const file = require('node:path').join(library, '../../worker/connection/thread.js');
    const first = connect(url, { callTimeout: 5000 });
    const channel = first.channel();
    ${spoil}
    const began = performance.now();
    try {
      connect(url, { connectTimeout: 10_000 });
    } catch (error) {
      const ms = Math.round(performance.now() - began);
      const { name, code, origin, outcome, message } = error;
      say(JSON.stringify({ name, code, origin, outcome, ms, message: message.replaceAll(file, 'FILE') }));
    }
    say(channel.queueDeclare('q').queue, first.isAlive);
    first.close();`,
    { url: broker([...ready(), serve()]).url, library, ...options },
  );
  return program.end;
}

describe('the first connection lives on, the second is refused', () => {
  it.each<[string, string, RegExp]>([
    [
      'its file is missing',
      'fs.rmSync(file);',
      /worker file not found at FILE; when bundling, keep .* external$/,
    ],
    ['its file has a syntax error', "fs.writeFileSync(file, 'const = 5;');", /SyntaxError|Unexpected token/],
    [
      'a file that it needs is missing',
      'fs.writeFileSync(file, \'require("./none");\');',
      /Cannot find module/,
    ],
    ['its file throws', 'fs.writeFileSync(file, \'throw new Error("not today");\');', /not today/],
    ['NODE_OPTIONS are wrong', "process.env.NODE_OPTIONS = '--require /nowhere.cjs';", /\/nowhere\.cjs/],
  ])('because %s', async (_what, spoil, reason) => {
    const { lines, code, stderr } = await spoiled(spoil);
    const { ms, message, ...error } = JSON.parse(lines[0]!) as { ms: number; message: string };
    expect(error).toEqual({
      name: 'WorkerCrashedError',
      code: 'WORKER_CRASHED',
      origin: 'worker',
      outcome: 'not-sent',
    });
    expect(message).toMatch(/^the worker thread of the connection failed: /);
    expect(message).toMatch(reason);
    expect(ms).toBeLessThan(AT_ONCE);
    expect([lines[1], code, stderr]).toEqual(['q true', 0, '']);
  });
});

it('the permission model without --allow-worker: an error that names it', async () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const program = run(
    `try {
      connect(url);
    } catch (error) {
      say(error.name, error.outcome, error.cause?.code, error.message);
    }`,
    { url: broker([]).url, library, args: [flag, '--allow-fs-read=*'] },
  );
  const { lines, code } = await program.end;
  expect(lines).toEqual([
    expect.stringMatching(
      /^WorkerCrashedError not-sent ERR_ACCESS_DENIED .*--allow-worker|Access to this API/,
    ),
  ]);
  expect(code).toBe(0);
});

it.each([1000, 2000])('stallTimeout %i: so long a worker may be silent', async (stallTimeout) => {
  const program = run(
    `const first = connect(url);
    Object.assign(process.env, ${JSON.stringify({
      NODE_OPTIONS: `--require ${HOOK}`,
      AMQP_SYNC_FAULT: 'loop',
      AMQP_SYNC_FAULT_MS: '100',
      AMQP_SYNC_FAULT_GO: join(library, 'go'),
      AMQP_SYNC_FAULT_AT: join(library, 'at'),
    })});
    const connection = connect(url, { stallTimeout: ${stallTimeout} });
    connection.channel();
    require('node:fs').writeFileSync(${JSON.stringify(join(library, 'go'))}, '');
    try {
      connection.drainEvents({ timeout: 10_000 });
    } catch (error) {
      say(error.name, error.message);
      say(Date.now() - Number(require('node:fs').readFileSync(${JSON.stringify(join(library, 'at'))}, 'utf8')));
    }
    say(first.channel().queueDeclare('q').queue);`,
    { url: broker([...ready(), serve()]).url },
  );
  const { lines, code } = await program.end;
  const [error, ms, other] = lines;
  expect(error).toBe(
    `WorkerStalledError the worker thread of the connection has not answered for ${stallTimeout} ms; it was ended`,
  );
  expect(Number(ms)).toBeGreaterThan(stallTimeout - 50);
  expect(Number(ms)).toBeLessThan(stallTimeout + AT_ONCE);
  expect([other, code]).toEqual(['q', 0]);
});
