import type { Command } from 'commander';
import { BROKER_NOTE } from './parts/broker-connection';
import { EXIT_NOTE } from './parts/exit-status';
import { print } from './parts/output';
import type { Verb } from './verb';

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync man > /usr/local/share/man/man1/amqp-sync.1
`,

  define: (command) => command,

  run(_flags, _args, { program, notesOf }) {
    print(page(program(), notesOf));
    return 0;
  },
};

/** The manual page, as man(7) wants it: made of the same texts as --help. */
function page(program: Command, notesOf: (verb: string) => string): string {
  return `.TH AMQP-SYNC 1 "" "amqp-sync ${program.version()}"
.SH NAME
amqp-sync \\- ${escaped(program.description())}
.SH SYNOPSIS
.B amqp-sync
${escaped(program.usage())}
.SH DESCRIPTION
${escaped(BROKER_NOTE)}
.PP
${escaped(EXIT_NOTE)}
.SH VERBS
${program.commands.map((verb) => section(verb, notesOf(verb.name()))).join('')}`;
}

function section(verb: Command, notes: string): string {
  const options = verb.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, description }) => `.TP\n.B ${escaped(flags)}\n${escaped(description)}\n`);
  return `.SS ${verb.name()}
${escaped(verb.description())}.
.PP
.B amqp-sync ${verb.name()}
${escaped(verb.usage())}
${options.join('')}.PP
.nf
${escaped(notes.trim())}
.fi
`;
}

/** A backslash begins a request, and so do a dot and a quote at the begin of a line; a dash is a hyphen. */
function escaped(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
