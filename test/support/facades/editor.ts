/** What an editor shows to somebody who types: completions, labels, documentation, and what it underlines. */
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..', '..', '..');
/** The programs by their files, which are not on disk. */
const programs = new Map<string, string>();

/**
 * The compiler reads the language, Node, the library and all programs together, when the first question is asked: type all
 * of them before, as the file is loaded. For one that comes later it would begin again.
 */
const service = ts.createLanguageService(host(), ts.createDocumentRegistry());

function host(): ts.LanguageServiceHost {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const textOf = (path: string) => programs.get(path) ?? ts.sys.readFile(path);
  return {
    getScriptFileNames: () => [...programs.keys()],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const source = textOf(path);
      return source === undefined ? undefined : ts.ScriptSnapshot.fromString(source);
    },
    getCurrentDirectory: () => ROOT,
    getCompilationSettings: () => ({ ...options, types: ['node'], noUnusedLocals: false }),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => programs.has(path) || ts.sys.fileExists(path),
    readFile: textOf,
  };
}

/** Type `program` behind `prelude`, with the cursor at its `|`. It stands in test/compat. */
export function type(prelude: string, program: string): Typed {
  const file = join(ROOT, 'test', 'compat', `typed-in-an-editor-${programs.size}.ts`);
  programs.set(file, `${prelude}\n${program.replace('|', '')}`);
  return new Typed(file, prelude.length + 1 + program.indexOf('|'));
}

class Typed {
  constructor(
    readonly file: string,
    readonly cursor: number,
  ) {}

  /** The names offered at the cursor. */
  get offers(): string[] {
    const completions = service.getCompletionsAtPosition(this.file, this.cursor, {});
    return (completions?.entries ?? []).map(({ name }) => name);
  }

  /** The documentation of one of them. */
  explains(name: string): string {
    service.getCompletionsAtPosition(this.file, this.cursor, {});
    const details = service.getCompletionEntryDetails(
      this.file,
      this.cursor,
      name,
      {},
      undefined,
      {},
      undefined,
    );
    return ts.displayPartsToString(details?.documentation);
  }

  /** The ways to call the function whose parentheses the cursor is in. */
  get labels(): string[] {
    const help = service.getSignatureHelpItems(this.file, this.cursor, {});
    return (help?.items ?? []).map(({ parameters }) =>
      parameters.map(({ displayParts }) => ts.displayPartsToString(displayParts)).join(', '),
    );
  }

  /** What is underlined in red. */
  get complains(): string[] {
    return service
      .getSemanticDiagnostics(this.file)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }
}
