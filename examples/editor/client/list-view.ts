/** The list of documents on the page. */
import type {Entry} from './document-list.js';

export class ListView {
  readonly #list: HTMLElement;
  readonly #open: (id: string) => void;
  readonly #items = new Map<string, HTMLLIElement>();

  constructor(list: HTMLElement, open: (id: string) => void) {
    this.#list = list;
    this.#open = open;
  }

  render(entries: readonly Entry[], current: string | undefined): void {
    const ids = new Set(entries.map((entry) => entry.id));
    for (const [id, item] of this.#items) {
      if (ids.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    entries.forEach(({id, title}, index) => {
      const item = this.#items.get(id) ?? this.#create(id);
      const button = item.firstElementChild as HTMLButtonElement;
      button.textContent = title || 'Untitled';
      if (id === current) button.setAttribute('aria-current', 'page');
      else button.removeAttribute('aria-current');
      // Only moves elements that are out of place: a moved element loses the focus.
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
  }

  #create(id: string): HTMLLIElement {
    const item = document.createElement('li');
    item.dataset.id = id;
    const button = document.createElement('button');
    button.type = 'button';
    button.addEventListener('click', () => this.#open(id));
    item.append(button);
    this.#items.set(id, item);
    return item;
  }
}
