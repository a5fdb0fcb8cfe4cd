import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import ts from 'typescript';

/** An entry of a list of completions. */
export interface CompletionEntry {
  name: string;
  kind: string;
  /** The text that an editor shows for it. */
  text: string;
}

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'], strict: true, skipLibCheck: true, types: []
};

/** What an editor shows for a file in the folder of an app: TypeScript's language service. */
export class Editor {
  private text = '';
  private version = 0;
  private readonly file: string;
  private readonly service: ts.LanguageService;

  constructor(app: string) {
    this.file = join(app, 'edited.ts');
    this.service = ts.createLanguageService({
      getScriptFileNames: () => [this.file],
      getScriptVersion: name => (name === this.file ? String(this.version) : '0'),
      getScriptSnapshot: name => {
        if (name === this.file) return ts.ScriptSnapshot.fromString(this.text);
        return existsSync(name) ? ts.ScriptSnapshot.fromString(readFileSync(name, 'utf8')) : undefined;
      },
      getCurrentDirectory: () => app,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      getCompilationSettings: () => OPTIONS,
      fileExists: name => name === this.file || ts.sys.fileExists(name),
      readFile: name => ts.sys.readFile(name),
      directoryExists: name => ts.sys.directoryExists(name)
    });
  }

  /** The completions at the end of the text. @param rest the text after the cursor */
  completions(text: string, rest = ''): CompletionEntry[] {
    this.edit(text + rest);
    const {file, service} = this;
    return (service.getCompletionsAtPosition(file, text.length, {})?.entries ?? []).map(({name, kind}) => {
      const details = service.getCompletionEntryDetails(file, text.length, name, {}, undefined, {}, undefined);
      return {name, kind, text: ts.displayPartsToString(details?.documentation)};
    });
  }

  /** The errors, and the text that each of them underlines. */
  errors(text: string): {at: string; message: string}[] {
    this.edit(text);
    return this.service.getSemanticDiagnostics(this.file).map(({start = 0, length = 0, messageText}) => (
      {at: text.slice(start, start + length), message: ts.flattenDiagnosticMessageText(messageText, '\n')}
    ));
  }

  private edit(text: string): void {
    this.text = text;
    this.version++;
  }
}
