import {createConnection} from 'sharedb-tabs';
import {Board, COLUMNS, type Column} from '../kanban.js';

const element = <Element extends HTMLElement>(id: string): Element => document.getElementById(id) as Element;
const query = new URLSearchParams(location.search);

const connection = createConnection({
  url: '/sharedb',
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'board'}),
  worker: () => new Worker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module'})
});
// With ?synced, other browsers show the same board, through the server.
const board = await Board.open(connection, query.has('synced') ? 'synced' : 'local');

const say = (text: string): void => { element('said').textContent = text; };
const titleOf = (id: string): string => board.cards.get(id)?.title ?? '';

// ---- what the page shows

const lists = new Map<Column, HTMLElement>();
for (const name of COLUMNS) {
  const section = document.createElement('section');
  const heading = document.createElement('h2');
  const list = document.createElement('ol');
  heading.textContent = name;
  section.append(heading, list);
  element('board').append(section);
  lists.set(name, list);
  list.ondragover = event => event.preventDefault();
  list.ondrop = event => {
    event.preventDefault();
    const before = (event.target as HTMLElement).closest('li');
    drop(event.dataTransfer!.getData('text/plain'), name, before ? [...list.children].indexOf(before) : list.children.length);
  };
}

function show(): void {
  const focused = (document.activeElement as HTMLElement | null)?.dataset['id'];
  for (const [name, list] of lists) list.replaceChildren(...board.cardsOf(name).map(id => cardOf(id, name)));
  if (focused) document.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  element<HTMLButtonElement>('undo').disabled = !board.canUndo;
}

function cardOf(id: string, column: Column): HTMLElement {
  const card = document.createElement('li');
  const title = document.createElement('span');
  const remove = document.createElement('button');
  title.textContent = titleOf(id);
  remove.textContent = '×';
  remove.ariaLabel = `Remove ${titleOf(id)}`;
  remove.onclick = () => void board.remove(id);
  card.append(title, remove);
  card.dataset['id'] = id;
  card.draggable = true;
  card.tabIndex = 0;
  card.ondragstart = event => event.dataTransfer!.setData('text/plain', id);
  card.ondragenter = () => card.classList.add('target');
  card.ondragleave = () => card.classList.remove('target');
  card.onkeydown = ({key}) => moveByKey(id, column, key);
  return card;
}

// ---- what the user does

async function move(id: string, from: Column, to: Column, at: number): Promise<void> {
  const title = titleOf(id);
  const isMoved = await board.move(id, from, to, at);
  say(isMoved ? `${title} is in "${to}"` : `${title} was moved in another tab`);
  show();
}

function drop(id: string, to: Column, at: number): void {
  const from = COLUMNS.find(name => board.cardsOf(name).includes(id));
  if (!from) return;
  const old = board.cardsOf(from).indexOf(id);
  void move(id, from, to, from === to && old < at ? at - 1 : at);
}

function moveByKey(id: string, from: Column, key: string): void {
  const at = board.cardsOf(from).indexOf(id);
  const side = COLUMNS[COLUMNS.indexOf(from) + (key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : NaN)];
  if (side) void move(id, from, side, at);
  else if (key === 'ArrowUp' && at > 0) void move(id, from, from, at - 1);
  else if (key === 'ArrowDown' && at < board.cardsOf(from).length - 1) void move(id, from, from, at + 1);
}

async function undo(): Promise<void> {
  say(await board.undo() ? 'The move was taken back' : 'The card was moved again in another tab');
  show();
}

element<HTMLFormElement>('form').onsubmit = event => {
  event.preventDefault();
  const input = element<HTMLInputElement>('title');
  void board.add(crypto.randomUUID(), input.value);
  input.value = '';
};
element('undo').onclick = () => void undo();
document.onkeydown = event => {
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.target instanceof HTMLInputElement || !board.canUndo) return;
  event.preventDefault();
  void undo();
};

board.onChange(show);
show();
// For tests and for the console.
Object.assign(globalThis, {example: {board}});
say('Ready');
