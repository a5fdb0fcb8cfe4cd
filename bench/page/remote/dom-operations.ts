/** The operations of one turn: elements with a text, in a list that is emptied before. */
export function fillList(document: Document, list: HTMLElement, operations: number): void {
  list.textContent = '';
  for (let done = 1; done < operations; done += 3) {
    const item = document.createElement('li');
    item.textContent = `item ${done}`;
    list.append(item);
  }
}
