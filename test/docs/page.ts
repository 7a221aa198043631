/**
 * A page of the documentation as one program: its blocks of JavaScript and TypeScript in their order, in one scope.
 *
 * - A comment `<!-- set-up … -->` is a block that readers do not see.
 * - Words behind the language say why a block is not run, "```js not run: there is no such host". It is a function that
 *   nobody calls, so its types are checked all the same. "```js another program" is run beside this one, in a thread.
 * - What stands behind `console.log(…); //` is a line that the program prints.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import ts from 'typescript';
import { unique } from '../support/connect';

export const ROOT = join(__dirname, '..', '..');

/** Pages with a program: the porting guides' code is that of examples/, which are run as they stand there. */
export const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md') && !name.startsWith('porting-'))
    .map((name) => `docs/${name}`),
];

interface Block {
  language: string;
  /** What stands behind the language: why it is not run. */
  reason: string;
  code: string;
}

export interface Page {
  file: string;
  text: string;
  /** All of its fences, and its set-up as JavaScript. */
  blocks: readonly Block[];
  /** TypeScript, an ES module; empty if the page has none. */
  program: string;
  /** Lines that the program prints. */
  printed: readonly string[];
  /** The same in Python, for those who come from there. */
  python: { program: string; printed: readonly string[] };
}

/** Words behind the language: the block is run beside the others. */
const ANOTHER = 'another program';
const FENCE = /^```(\S+)(?: ([^\n]*))?\n(.*?)^```$|^<!-- set-up\n(.*?)^-->$/gms;
const REQUIRE = /^const (\{[^}]*\}|\w+) = require\(('[^']+')\);.*\n/gm;
const IMPORT = /^import [^;]*;.*\n/gm;
const PRINTED = /console\.log\(.* \/\/ (.+)$/gm;
const PYTHON_PRINTED = /print\(.*\) {2}# (.+)$/gm;

export function readPage(file: string): Page {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const blocks = [...text.matchAll(FENCE)].map(([, language = 'js', reason = '', shown, hidden]) => ({
    language,
    reason,
    code: shown ?? hidden ?? '',
  }));
  const ours = blocks.filter(({ language }) => language === 'js' || language === 'ts');
  const python = blocks.flatMap(({ language, code }) => (language === 'py' ? [code] : [])).join('\n');
  return {
    file,
    text,
    blocks,
    program: ours.length === 0 ? '' : programOf(ours),
    printed: ours
      .filter(({ reason }) => reason === '' || reason === ANOTHER)
      .flatMap(({ code }) => printedBy(code, PRINTED)),
    python: { program: python, printed: printedBy(python, PYTHON_PRINTED) },
  };
}

const printedBy = (code: string, how: RegExp) => [...code.matchAll(how)].map(([, line]) => line as string);

function programOf(blocks: readonly Block[]): string {
  const imports = ["import { Worker as Thread } from 'node:worker_threads';\n"];
  const hoist = (line: string) => {
    imports.push(line);
    return '\n';
  };
  const required: string[] = [];
  const body = blocks.map(({ code, reason }, index) => {
    const rest = code
      .replace(REQUIRE, (line, names: string, from: string) => {
        required.push(line);
        return hoist(`import ${asImport(names)} from ${from};\n`);
      })
      .replace(IMPORT, hoist);
    if (reason === '') return rest;
    const apart = `const block${index} = async () => {\n${rest}};\n`;
    return reason === ANOTHER
      ? `${apart}new Thread(${JSON.stringify(required.join(''))} + \`(\${block${index}})()\`, { eval: true });\n`
      : apart;
  });
  return [...imports, 'export {};\n', ...body].join('');
}

const asImport = (names: string) =>
  names.startsWith('{') ? names.replaceAll(/(\w+): (\w+)/g, '$1 as $2') : `* as ${names}`;

/**
 * What is wrong with blocks of JavaScript as such. With types of TypeScript they would not run as they are shown; no more would
 * `await` in a page that has `require`, which is for scripts.
 */
export function syntaxErrors({ file, blocks }: Page): string[] {
  const isModule =
    blocks.some(({ code }) => /^import /m.test(code)) &&
    !blocks.some(({ code }) => /^const .* = require\(/m.test(code));
  return blocks.flatMap(({ language, code }) => {
    if (language !== 'js') return [];
    try {
      new Script(isModule ? `async () => {${code.replace(IMPORT, '\n')}}` : code);
      return [];
    } catch (error) {
      return [`${file}: ${(error as Error).message} in\n${code}`];
    }
  });
}

/** What the compiler says about the programs of all pages; a newcomer's compiler, which is not strict. */
export function typeErrors(pages: readonly Page[]): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: ['node', 'jest'],
    strict: false,
    noEmit: true,
    skipLibCheck: true,
    paths: {
      'amqp-sync': [join(ROOT, 'src', 'index.ts')],
      'amqp-sync/pika': [join(ROOT, 'src', 'compat', 'pika.ts')],
      'amqp-sync/amqpy': [join(ROOT, 'src', 'compat', 'amqpy.ts')],
      'amqp-sync/opentelemetry': [join(ROOT, 'src', 'opentelemetry.ts')],
    },
  };
  const programs = new Map(pages.map(({ file, program }) => [join(ROOT, `${file}.ts`), program]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => programs.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, ...more) => {
    const program = programs.get(file);
    return program === undefined
      ? getSourceFile.call(host, file, ...more)
      : ts.createSourceFile(file, program, ts.ScriptTarget.ES2022, true);
  };
  const program = ts.createProgram([...programs.keys()], options, host);
  return [...programs.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) => {
        const { line } = source.getLineAndCharacterOfPosition(start);
        const told = ts.flattenDiagnosticMessageText(messageText, '\n');
        return `${file.slice(ROOT.length + 1, -'.ts'.length)}: ${told} in "${source.text.split('\n')[line]?.trim()}"`;
      },
    );
  });
}

const NAMING =
  /(?:[qQ]ueue(?:Declare)?|[eE]xchange(?:Declare)?|assert(?:Queue|Exchange)|rpc|createWorker|(?:queue|exchange)_declare|declare_(?:queue|exchange))\((?:\{ (?:queue|exchange): )?'([^']+)'/g;

/** Names of what a text declares, and what they are called in this run: other tests may have the same ones. */
export function namesIn(text: string): Map<string, string> {
  const names = [...text.matchAll(NAMING)].map(([, name]) => name as string);
  return new Map(names.filter((name) => !name.startsWith('amq.')).map((name) => [name, unique(name)]));
}
