/** The title above the text. Renames the document while the user types. */
import type {DocumentList} from './document-list.js';
import {findReplacement, moveCaret} from './replacement.js';

export class TitleField {
  readonly #input: HTMLInputElement;
  readonly #list: DocumentList;
  #id: string | undefined;
  #composing = false;

  constructor(input: HTMLInputElement, list: DocumentList) {
    this.#input = input;
    this.#list = list;
    input.addEventListener('compositionstart', () => (this.#composing = true));
    input.addEventListener('compositionend', () => {
      this.#composing = false;
      this.#rename();
    });
    input.addEventListener('input', () => {
      if (!this.#composing) this.#rename();
    });
  }

  /** Shows the title of the document, also after another client has changed it. */
  show(id: string): void {
    const entry = this.#list.find(id);
    const input = this.#input;
    const another = id !== this.#id;
    this.#id = id;
    input.disabled = !entry;
    input.placeholder = entry ? 'Untitled' : '';
    if (this.#composing && !another) return;

    const title = entry?.title ?? '';
    if (input.value === title) return;
    const change = findReplacement(input.value, title);
    const caret = moveCaret(input.selectionStart ?? 0, change);
    input.value = title;
    if (document.activeElement === input) input.setSelectionRange(caret, caret);
  }

  select(): void {
    this.#input.focus();
    this.#input.select();
  }

  #rename(): void {
    if (this.#id !== undefined) this.#list.rename(this.#id, this.#input.value);
  }
}
