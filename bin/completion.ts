import { Command } from 'commander';
import { brokerFlags } from './parts/broker-connection';
import { print } from './parts/output';
import type { Verb } from './verb';

const SHELLS: Readonly<Record<string, (program: Command) => string>> = { bash, zsh, fish };

export const verb: Verb = {
  notes: `
Examples:
  source <(amqp-sync completion bash)
  amqp-sync completion fish > ~/.config/fish/completions/amqp-sync.fish
`,

  define: (command) => command.argument('<shell>', Object.keys(SHELLS).join(', ')),

  run(_flags, [shell = ''], { program }) {
    const script = SHELLS[shell];
    if (script === undefined) throw new TypeError(`which shell? One of ${Object.keys(SHELLS).join(', ')}`);
    print(script(program()));
    return 0;
  },
};

const namesOf = (program: Command) => program.commands.map((verb) => verb.name());

const flagsOf = (verb: Command) =>
  verb.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ short, long }) => [short, long].filter((flag) => flag));

function bash(program: Command): string {
  const cases = program.commands.map((verb) => `      ${verb.name()}) words="${flagsOf(verb).join(' ')}" ;;`);
  return `# amqp-sync completion bash > /etc/bash_completion.d/amqp-sync
_amqp_sync() {
  local words="${namesOf(program).join(' ')} ${flagsOf(brokerFlags(new Command())).join(' ')} --help --version" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
${cases.join('\n')}
      *) continue ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _amqp_sync amqp-sync
`;
}

function zsh(program: Command): string {
  const quoted = (text: string) => text.replace(/[':[\]]/g, (sign) => (sign === "'" ? "'\\''" : `\\${sign}`));
  const names = namesOf(program);
  const verbs = program.commands.map((verb) => `    '${verb.name()}:${quoted(verb.summary())}'`);
  const cases = program.commands.map((verb) => {
    const flags = verb.options
      .filter(({ hidden }) => !hidden)
      .flatMap(({ short, long, description, required }) =>
        [short, long]
          .filter((flag) => flag)
          .map((flag) => `'${flag}[${quoted(description)}]${required ? ':value:_files' : ''}'`),
      );
    return `    ${verb.name()}) _arguments ${flags.join(' ')} '*:: :_files' ;;`;
  });
  return `#compdef amqp-sync
# amqp-sync completion zsh > "\${fpath[1]}/_amqp-sync"
_amqp_sync() {
  local -a verbs=(
${verbs.join('\n')}
  )
  local verb at
  for (( at = 2; at < CURRENT; at++ )); do
    case $words[at] in
      ${names.join('|')}) verb=$words[at]; break ;;
    esac
  done
  if [[ -z $verb ]]; then
    _describe verb verbs
    return
  fi
  shift $(( at - 1 )) words
  (( CURRENT -= at - 1 ))
  case $verb in
${cases.join('\n')}
  esac
}
_amqp_sync "$@"
`;
}

function fish(program: Command): string {
  const quoted = (text: string) => text.replace(/[\\']/g, '\\$&');
  const none = `'not __fish_seen_subcommand_from ${namesOf(program).join(' ')}'`;
  const lines = program.commands.flatMap((verb) => [
    `complete -c amqp-sync -n ${none} -f -a ${verb.name()} -d '${quoted(verb.summary())}'`,
    ...verb.options
      .filter(({ hidden }) => !hidden)
      .map(({ short, long, description, required }) => {
        const names = [short && `-s ${short.slice(1)}`, long && `-l ${long.slice(2)}`, required && '-r'];
        const condition = `-n '__fish_seen_subcommand_from ${verb.name()}'`;
        return `complete -c amqp-sync ${condition} ${names.filter(Boolean).join(' ')} -d '${quoted(description)}'`;
      }),
  ]);
  return `# amqp-sync completion fish > ~/.config/fish/completions/amqp-sync.fish\n${lines.join('\n')}\n`;
}
