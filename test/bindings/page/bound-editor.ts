import type {Doc} from 'sharedb/lib/client/index.js';

/** An editor with a binding on it. */
export interface BoundEditor {
  /** What its user sees. */
  text(): string;
  /** Takes the binding off. Missing where the binding offers no way to. */
  detach?(): void;
}

/** Shows the document, which is subscribed, in a new editor, and binds them. */
export type Attach = (doc: Doc, parent: HTMLElement) => BoundEditor | Promise<BoundEditor>;

/** The text of an editor that has an element for each line. */
export function linesOf(editor: Element): string {
  return [...editor.children].map(line => line.textContent).join('\n');
}
