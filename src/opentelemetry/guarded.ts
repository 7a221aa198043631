import { api } from './api';

/**
 * What OpenTelemetry's parts throw, or what the program has put in their place, is OpenTelemetry's concern: its logger is
 * told, and the program goes on. @returns what `fn` returns; undefined if it throws
 */
export function guarded<T>(what: string, fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    complain(what, error);
    return undefined;
  }
}

/** Tell OpenTelemetry's logger, which is the program's, too. */
export function complain(what: string, error: unknown): void {
  try {
    api.diag.error(`amqp-sync/opentelemetry: ${what}`, error);
  } catch {
    // there is nobody else to tell
  }
}
