import type { Verb } from './verb';

interface Entry {
  summary: string;
  load(): Verb;
}

const verb = (summary: string, load: () => { verb: Verb }): Entry => ({ summary, load: () => load().verb });

/** The verbs in the order of the help; each is loaded when it is called. */
export const VERBS: Readonly<Record<string, Entry>> = {
  publish: verb('publish messages, confirmed by the broker', () => require('./publish')),
  get: verb('take messages that are there', () => require('./get')),
  consume: verb('print messages as they come, or run a command for each', () => require('./consume')),
  tail: verb('watch what an exchange gets, without taking it from anybody', () => require('./tail')),
  rpc: verb('call a procedure, or serve one with a command', () => require('./rpc')),
  shovel: verb('move or copy messages to another queue or broker', () => require('./shovel')),
  save: verb('save the messages of a queue, a file for each', () => require('./save')),
  load: verb('publish what save has saved', () => require('./load')),
  apply: verb('make the queues, exchanges and bindings of RabbitMQ’s definitions', () => require('./apply')),
  'declare-queue': verb('declare a queue, or ask for it', () => require('./declare-queue')),
  'declare-exchange': verb('declare an exchange, or ask for it', () => require('./declare-exchange')),
  bind: verb('bind a queue or an exchange to an exchange', () => require('./bind')),
  unbind: verb('undo a binding', () => require('./unbind')),
  'delete-queue': verb('delete a queue with its messages', () => require('./delete-queue')),
  'delete-exchange': verb('delete an exchange', () => require('./delete-exchange')),
  purge: verb('empty a queue', () => require('./purge')),
  info: verb('show what the broker says about itself', () => require('./info')),
  ping: verb('see whether the broker answers, or wait until it does', () => require('./ping')),
  bench: verb('measure how many messages a second go in and out', () => require('./bench')),
  trace: verb('print a trace of AMQP_SYNC_TRACE for people', () => require('./trace')),
  broker: verb('run the embedded broker, for demos and tests', () => require('./broker')),
  completion: verb('print a completion script for bash, zsh or fish', () => require('./completion')),
  man: verb('print the manual page', () => require('./man')),
};
