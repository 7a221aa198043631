/** OpenTelemetry's API is the program's own, of which there is one in a process: this package brings none. */
export const api = load();

function load(): typeof import('@opentelemetry/api') {
  try {
    return require('@opentelemetry/api') as typeof import('@opentelemetry/api');
  } catch (cause) {
    const message = "amqp-sync/opentelemetry needs OpenTelemetry's API: npm install @opentelemetry/api";
    throw Object.assign(new Error(message, { cause }), { code: (cause as NodeJS.ErrnoException).code });
  }
}
