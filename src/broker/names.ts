const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The random part of a name that the server makes; as long as RabbitMQ's. */
export function randomToken(): string {
  let text = '';
  while (text.length < 22) text += LETTERS[Math.floor(Math.random() * LETTERS.length)];
  return text;
}

/** RabbitMQ takes line ends out of the names it is asked to declare. */
export function oneLine(name: string): string {
  return name.replace(/[\r\n]/g, '');
}
