/** The people in the editor: each tab shows its name and its open document to the others. */
import type {ProxyPresence, TabConnection} from 'sharedb-tabs';
import {element} from './page.js';

export interface Person {
  name: string;
  /** The hue, in degrees. */
  hue: number;
  /** When the person came, in ms since 1970. */
  since: number;
  /** The document that the tab shows. */
  document?: string | undefined;
}

const NAMES = ['Ada', 'Alan', 'Barbara', 'Donald', 'Edsger', 'Frances', 'Grace', 'Hedy', 'John', 'Karen', 'Leslie', 'Margaret', 'Niklaus', 'Radia'];
/** How many people the list names. */
const NAMED = 6;

/** The person of this tab, while it is open. */
export const me: Person = own();

export class People {
  readonly #presence: ProxyPresence<Person>;
  readonly #mine;
  readonly #list = element('people');

  constructor(connection: TabConnection) {
    this.#presence = connection.getPresence<Person>('people');
    this.#mine = this.#presence.create();
    this.#presence.on('receive', () => this.#receive());
    this.#presence.on('error', () => {});
    this.#presence.subscribe(() => this.#receive());
    this.#render();
  }

  show(document: string | undefined): void {
    if (this.#mine.value?.document === document && this.#mine.value) return;
    this.#mine.submit({...me, document}, () => {});
  }

  #receive(): void {
    this.#giveWay();
    this.#render();
  }

  /** Takes another name if somebody has this one. Of two people with one name, the first keeps it. */
  #giveWay(): void {
    const others = Object.entries(this.#presence.remotePresences).filter(([, person]) => person !== null);
    const isBefore = (id: string, {since}: Person) => since < me.since || (since === me.since && id < this.#mine.presenceId);
    if (!others.some(([id, person]) => person.name === me.name && isBefore(id, person))) return;
    const taken = new Set(others.map(([, {name}]) => name));
    const free = NAMES.filter(name => !taken.has(name));
    if (!free.length) return;
    Object.assign(me, named(free));
    keep(me);
    this.#mine.submit({...me, document: this.#mine.value?.document}, () => {});
  }

  #render(): void {
    const others = Object.values(this.#presence.remotePresences).filter(person => person !== null);
    const people = [{...me, name: `${me.name} (you)`}, ...others];
    const items = people.slice(0, NAMED).map(({name, hue}) => {
      const item = document.createElement('li');
      item.style.setProperty('--hue', String(hue));
      item.textContent = name;
      return item;
    });
    const more = people.slice(NAMED);
    if (more.length) {
      const item = document.createElement('li');
      item.className = 'others';
      item.textContent = `and ${more.length} more`;
      item.title = more.map(({name}) => name).join(', ');
      items.push(item);
    }
    this.#list.replaceChildren(...items);
  }
}

/** The person of this tab before a reload, or a new one. */
function own(): Person {
  try {
    const known = sessionStorage.getItem('person');
    if (known) return JSON.parse(known) as Person;
  } catch {
    // A sandboxed frame can't store anything.
  }
  const person = {...named(NAMES), since: Date.now()};
  keep(person);
  return person;
}

function keep(person: Person): void {
  try {
    sessionStorage.setItem('person', JSON.stringify(person));
  } catch {
    // The person is another one after a reload.
  }
}

/** One of these names, with the hue that belongs to it. */
function named(names: readonly string[]): Pick<Person, 'name' | 'hue'> {
  const name = names[Math.floor(Math.random() * names.length)]!;
  return {name, hue: Math.round((NAMES.indexOf(name) * 360) / NAMES.length)};
}
