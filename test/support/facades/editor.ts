/** What an editor shows to somebody who types: completions, labels, documentation, and what it underlines. */
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..', '..', '..');
const FILE = join(ROOT, 'test', 'compat', 'typed-in-an-editor.ts'); // not on disk
/** What all editors have read: the language, Node and the library. */
const read = ts.createDocumentRegistry();

export class Editor {
  readonly #service: ts.LanguageService;
  #text = '';
  #version = 0;

  /** Every program stands in test/compat, and begins with `prelude`. */
  constructor(readonly prelude: string) {
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const textOf = (path: string) => (path === FILE ? this.#text : ts.sys.readFile(path));
    this.#service = ts.createLanguageService(
      {
        getScriptFileNames: () => [FILE],
        getScriptVersion: (path) => (path === FILE ? String(this.#version) : '1'),
        getScriptSnapshot: (path) => {
          const source = textOf(path);
          return source === undefined ? undefined : ts.ScriptSnapshot.fromString(source);
        },
        getCurrentDirectory: () => ROOT,
        getCompilationSettings: () => ({ ...options, types: ['node'], noUnusedLocals: false }),
        getDefaultLibFileName: ts.getDefaultLibFilePath,
        fileExists: (path) => path === FILE || ts.sys.fileExists(path),
        readFile: ts.sys.readFile,
      },
      read,
    );
  }

  /** Type a program, with the cursor at its `|`. */
  #type(program: string): number {
    this.#text = `${this.prelude}\n${program.replace('|', '')}`;
    this.#version++;
    return this.prelude.length + 1 + program.indexOf('|');
  }

  /** The names offered at the cursor. */
  offers(program: string): string[] {
    const completions = this.#service.getCompletionsAtPosition(FILE, this.#type(program), {});
    return (completions?.entries ?? []).map(({ name }) => name);
  }

  /** The documentation of one of them. */
  explains(program: string, name: string): string {
    const at = this.#type(program);
    const service = this.#service;
    service.getCompletionsAtPosition(FILE, at, {});
    const details = service.getCompletionEntryDetails(FILE, at, name, {}, undefined, {}, undefined);
    return ts.displayPartsToString(details?.documentation);
  }

  /** The ways to call the function whose parentheses the cursor is in. */
  labels(program: string): string[] {
    const help = this.#service.getSignatureHelpItems(FILE, this.#type(program), {});
    return (help?.items ?? []).map(({ parameters }) =>
      parameters.map(({ displayParts }) => ts.displayPartsToString(displayParts)).join(', '),
    );
  }

  /** What is underlined in red. */
  complains(program: string): string[] {
    this.#type(`${program}|`);
    return this.#service
      .getSemanticDiagnostics(FILE)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }
}
