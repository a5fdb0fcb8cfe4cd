import type {Doc} from 'sharedb/lib/client/index.js';

/** An editor with a binding on it. */
export interface BoundEditor {
  /** What its user sees. */
  text(): string;
  /** Removes the binding. Missing if the binding has no function for it. */
  detach?(): void;
}

/** Shows the document, which is subscribed, in a new editor, and binds them. */
export type Attach = (doc: Doc, parent: HTMLElement) => BoundEditor | Promise<BoundEditor>;

/** The text of an editor that has an element for each line. */
export function linesOf(editor: Element): string {
  return [...editor.children].map(line => line.textContent).join('\n');
}
