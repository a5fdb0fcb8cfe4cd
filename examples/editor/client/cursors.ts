/** The cursors of others in the shown document, with their names. */
import type Quill from 'quill';
import type {Range} from 'quill';
import type {ProxyPresence, TabConnection} from 'sharedb-tabs';
import {me, type Person} from './people.js';

interface Cursor extends Person {
  index: number;
  length: number;
}

/** ShareDB transforms cursors over ops, because the OT type rich-text supports it. So the shown positions are current. */
export class Cursors {
  readonly #quill: Quill;
  readonly #presence: ProxyPresence<Cursor>;
  readonly #mine;
  readonly #layer = document.createElement('div');
  #timer: ReturnType<typeof setTimeout> | undefined;
  #followTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(quill: Quill, connection: TabConnection, id: string) {
    this.#quill = quill;
    this.#presence = connection.getDocPresence<Cursor>('documents', id);
    this.#mine = this.#presence.create(`${connection.id}`);
    this.#layer.className = 'cursors';
    this.#layer.setAttribute('aria-hidden', 'true');
    quill.container.append(this.#layer);
    quill.on('selection-change', this.#submit);
    quill.on('text-change', this.#followText);
    window.addEventListener('resize', this.#renderSoon);
    this.#presence.on('receive', this.#renderSoon);
    this.#presence.on('error', () => {});
    this.#mine.on('error', () => {});
    this.#presence.subscribe(() => {});
  }

  stop(): void {
    const quill = this.#quill;
    quill.off('selection-change', this.#submit);
    quill.off('text-change', this.#followText);
    window.removeEventListener('resize', this.#renderSoon);
    clearTimeout(this.#timer);
    clearTimeout(this.#followTimer);
    this.#presence.destroy(() => {});
    this.#layer.remove();
  }

  readonly #submit = (range: Range | null): void => {
    this.#mine.submit(range && {...me, index: range.index, length: range.length}, () => {});
  };

  /** Typing moves the caret without `selection-change`. In most cases, the op moves the submitted position too. */
  readonly #followText = (): void => {
    this.#renderSoon();
    clearTimeout(this.#followTimer);
    this.#followTimer = setTimeout(() => {
      if (this.#quill.composition.isComposing) return;
      const range = this.#quill.getSelection();
      if (range && this.#mine.value && range.index !== this.#mine.value.index) this.#submit(range);
    });
  };

  /** Renders in a timer, because a page in the background gets no animation frames. */
  readonly #renderSoon = (): void => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#render());
  };

  #render(): void {
    const cursors = Object.values(this.#presence.remotePresences).filter(cursor => cursor !== null);
    const {container} = this.#quill;
    this.#layer.replaceChildren(...cursors.flatMap(({name, hue, index, length}) => {
      const bounds = this.#quill.getBounds(index + length);
      if (!bounds) return [];
      // The bounds are relative to the visible part of the container. The layer scrolls with the text.
      const top = bounds.top + container.scrollTop;
      const caret = document.createElement('div');
      caret.className = 'cursor';
      if (bounds.left > container.clientWidth / 2) caret.classList.add('name-at-left');
      caret.dataset['name'] = name;
      caret.style.setProperty('--hue', String(hue));
      Object.assign(caret.style, {left: `${bounds.left}px`, top: `${top}px`, height: `${bounds.height}px`});
      return [caret];
    }));
  }
}
