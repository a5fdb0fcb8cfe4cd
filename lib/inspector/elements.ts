type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | boolean | ((event: Event) => void) | undefined>;

/** Creates elements in one document. Adds all text as text nodes, so that the content of a document or an id is never parsed as HTML. */
export class Elements {
  constructor(private readonly owner: Document) {}

  make<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[Tag] {
    const element = this.owner.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === 'function') element.addEventListener(name, value);
      else if (value === true) element.setAttribute(name, '');
      else if (value !== undefined && value !== false) element.setAttribute(name, value);
    }
    for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(typeof child === 'number' ? String(child) : child);
    return element;
  }

  table(caption: string, heads: string[], rows: Child[][], empty: string): HTMLElement {
    if (!rows.length) return this.make('p', {class: 'empty'}, empty);
    return this.make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
      this.make('table', {},
        this.make('caption', {}, caption),
        this.make('thead', {}, this.make('tr', {}, ...heads.map(head => this.make('th', {scope: 'col'}, head)))),
        this.make('tbody', {}, ...rows.map(cells => this.make('tr', {}, ...cells.map(cell => this.make('td', {}, cell)))))));
  }

  facts(pairs: [string, Child][]): HTMLElement {
    return this.make('dl', {}, ...pairs.flatMap(([name, value]) => [this.make('dt', {}, name), this.make('dd', {}, value ?? '–')]));
  }

  button(label: string, act: () => unknown, description?: string): HTMLButtonElement {
    return this.make('button', {type: 'button', 'aria-label': description, click: () => void act()}, label);
  }
}
