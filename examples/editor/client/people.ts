/** The people in the editor: each tab shows its name and its open document to the others. */
import type {ProxyPresence, TabConnection} from 'sharedb-tabs';
import {element} from './page.js';

export interface Person {
  name: string;
  /** The hue, in degrees. */
  hue: number;
  /** The document that the tab shows. */
  document?: string | undefined;
}

const NAMES = ['Ada', 'Alan', 'Barbara', 'Donald', 'Edsger', 'Frances', 'Grace', 'Hedy', 'John', 'Karen', 'Leslie', 'Margaret', 'Niklaus', 'Radia'];

/** The person of this tab, while it is open. */
export const me: Person = own();

export class People {
  readonly #presence: ProxyPresence<Person>;
  readonly #mine;
  readonly #list = element('people');

  constructor(connection: TabConnection) {
    this.#presence = connection.getPresence<Person>('people');
    this.#mine = this.#presence.create();
    this.#presence.on('receive', () => this.#render());
    this.#presence.on('error', () => {});
    this.#presence.subscribe(() => this.#render());
    this.#render();
  }

  show(document: string | undefined): void {
    if (this.#mine.value?.document === document && this.#mine.value) return;
    this.#mine.submit({...me, document}, () => {});
  }

  #render(): void {
    const others = Object.values(this.#presence.remotePresences).filter(person => person !== null);
    const items = [{...me, name: `${me.name} (you)`}, ...others].map(({name, hue}) => {
      const item = document.createElement('li');
      item.style.setProperty('--hue', String(hue));
      item.textContent = name;
      return item;
    });
    this.#list.replaceChildren(...items);
  }
}

/** Keeps the person over a reload if the page can store it; a sandboxed frame can't. */
function own(): Person {
  try {
    const known = sessionStorage.getItem('person');
    if (known) return JSON.parse(known) as Person;
  } catch {
    return somebody();
  }
  const person = somebody();
  sessionStorage.setItem('person', JSON.stringify(person));
  return person;
}

function somebody(): Person {
  const number = Math.floor(Math.random() * NAMES.length);
  return {name: NAMES[number]!, hue: Math.round((number * 360) / NAMES.length)};
}
