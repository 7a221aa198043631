import { closeSync, openSync, statSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { wrongType } from '../../caller';
import type { Diagnostics } from '../../contract/session-options';
import type { HandshakeParams } from '../../protocol/handshake';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** What `AMQP_SYNC_DEBUG=1` stands for. */
const USUAL_MS = 5000;

/** Connections of this thread that were counted. */
let count = 0;

/**
 * What the environment wants to see of a connection: AMQP_SYNC_DEBUG and AMQP_SYNC_TRACE.
 * @throws {TypeError} it cannot be shown
 */
export function diagnosticsOf({ clientProperties }: HandshakeParams): Diagnostics | undefined {
  const { AMQP_SYNC_DEBUG: debug = '', AMQP_SYNC_TRACE: file = '' } = process.env;
  const debugAfter = waitOf(debug);
  const trace = file === '' ? undefined : writable(file.replaceAll('%p', String(process.pid)));
  if (debugAfter === undefined && trace === undefined) return undefined;
  const { connection_name: name } = clientProperties as { connection_name?: unknown };
  count++;
  const number = threadId === 0 ? `#${count}` : `#${threadId}.${count}`;
  return { label: typeof name === 'string' ? `${number} ${name}` : number, debugAfter, trace };
}

function waitOf(debug: string): number | undefined {
  if (debug === '' || debug === '0') return undefined;
  if (debug === '1') return USUAL_MS;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(debug) ?? [];
  if (amount !== undefined) return Number(amount) * UNITS[unit]!;
  throw wrongType(
    `AMQP_SYNC_DEBUG must be a time with its unit, such as 500ms, 5s or 2m, or 1 for 5s, not "${debug}"`,
  );
}

/** A pipe is not tried: its reader would take that for the end. */
function writable(file: string): string {
  try {
    if (!statSync(file, { throwIfNoEntry: false })?.isFIFO()) closeSync(openSync(file, 'a', 0o600));
    return file;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw wrongType(`AMQP_SYNC_TRACE: "${file}" cannot be written: ${code ?? message}`, { cause });
  }
}
