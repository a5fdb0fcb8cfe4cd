import {isDeepStrictEqual} from 'node:util';
import type {ArrayChangeEvent, ChangeEvent, MapChangeEvent, SharedArray, SharedMap, SharedRecord} from '../../lib/collections.js';
import {plain, type Row, type Value} from './models.js';

/** Takes the events of an async iterator one by one, and rebuilds from them what the collection shows. */
export class Reader<E, S> {
  private isAsking = false;
  private isDone = false;

  /** @param see changes `shown` by an event. Throws if the event does not follow from it */
  constructor(private readonly watcher: AsyncIterator<E>, readonly shown: S, private readonly see: (shown: S, event: E) => void, private readonly faults: unknown[]) {}

  /** Asks for the next event, unless it waits for one already. */
  ask(): void {
    if (this.isAsking || this.isDone) return;
    this.isAsking = true;
    this.watcher.next().then(({done, value}) => {
      this.isAsking = false;
      if (done) this.isDone = true;
      else this.see(this.shown, value as E);
    }).catch((error: unknown) => {
      this.faults.push(error);
      this.isDone = true;
    });
  }

  /**
   * Asks for all events that are left, after the collection was closed.
   * @returns whether there are none
   */
  drain(): boolean {
    this.ask();
    return this.isDone;
  }
}

function follow(what: string, shown: unknown, old: unknown): void {
  if (!isDeepStrictEqual(shown, old)) throw new Error(`${what}: the event follows ${JSON.stringify(old)}, and ${JSON.stringify(shown)} was shown`);
}

export function readMap(map: SharedMap<string, Value>, faults: unknown[]): Reader<MapChangeEvent<string, Value>, Map<string, Value>> {
  return new Reader(map.watchAll(), new Map(plain([...map])), (shown, {type, key, oldValue, newValue}) => {
    follow(key, shown.get(key), oldValue);
    if (type === 'delete') shown.delete(key);
    else shown.set(key, plain(newValue!));
  }, faults);
}

export function readRecord(record: SharedRecord<Row>, faults: unknown[]): Reader<any, Row> {
  return new Reader<any, Row>(record.watchAll(), plain(record.toObject()), (shown, {type, key, oldValue, newValue}: MapChangeEvent<keyof Row, Value>) => {
    follow(key, shown[key], oldValue);
    if (type === 'delete') delete shown[key];
    else shown[key] = plain(newValue!);
  }, faults);
}

export function readArray(array: SharedArray<Value>, faults: unknown[]): Reader<ArrayChangeEvent<Value>, Value[]> {
  return new Reader(array.watch(), plain(array.toArray()), (shown, event) => {
    switch (event.type) {
      case 'splice': return follow('splice', shown.splice(event.index, event.deleted.length, ...plain(event.inserted)), event.deleted);
      case 'set':
        follow('set', shown[event.index], event.oldValue);
        shown[event.index] = plain(event.newValue);
        return;
      case 'move': return void shown.splice(event.to, 0, ...shown.splice(event.from, 1));
      case 'reset': return follow('reset', shown.splice(0, shown.length, ...plain(event.newValue)), event.oldValue);
    }
  }, faults);
}

/** Follows one key or index. The state is a list of one value, or of none. */
export function readOne(watcher: AsyncIterator<ChangeEvent<Value>>, value: Value | undefined, faults: unknown[]): Reader<ChangeEvent<Value>, Value[]> {
  return new Reader(watcher, value === undefined ? [] : [plain(value)], (shown, {type, oldValue, newValue}) => {
    follow('one', shown[0], oldValue);
    shown.length = 0;
    if (type === 'set') shown.push(plain(newValue!));
  }, faults);
}
