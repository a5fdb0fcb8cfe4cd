/** Elements that a user focuses, scrolls or makes a choice in. Their labels identify them in the next content. */
const KEPT = 'button, input, select, [tabindex]';

/**
 * Replaces the children of an element. The elements of the new content that correspond to old ones get their focus, scroll positions and
 * choices, because a view is drawn again while somebody uses it.
 */
export function replaceContent(parent: HTMLElement, ...content: Node[]): void {
  const {activeElement} = parent.getRootNode() as Document | ShadowRoot;
  const focused = activeElement && activeElement !== parent && parent.contains(activeElement) ? keyOf(activeElement) : undefined;
  const {scrollTop} = parent;
  const old = new Map(keptIn(parent).map(element => [keyOf(element), element]));
  parent.replaceChildren(...content);
  parent.scrollTop = scrollTop;
  for (const element of keptIn(parent)) {
    const key = keyOf(element);
    const before = old.get(key);
    if (!before) continue;
    if (before.scrollLeft) element.scrollLeft = before.scrollLeft;
    if (isSelect(element) && isSelect(before) && [...element.options].some(({value}) => value === before.value)) element.value = before.value;
    if (key === focused) element.focus();
  }
}

const keptIn = (parent: HTMLElement): HTMLElement[] => [...parent.querySelectorAll<HTMLElement>(KEPT)];

const isSelect = (element: HTMLElement): element is HTMLSelectElement => element.localName === 'select';

/** The label of an element. Two edits of one document have buttons with the same label, and rows with different ids. */
const keyOf = (element: Element): string =>
  [element.localName, element.closest('[data-id]')?.getAttribute('data-id'), element.getAttribute('aria-label') ?? element.textContent].join('\n');
