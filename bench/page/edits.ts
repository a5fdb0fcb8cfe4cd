import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import type {TabConnection} from '../../lib/index.js';
import {settled} from '../../test/waiting/settled.js';
import {connect, startRelay} from './connect.js';
import type {Counts} from './counting-storage.js';
import {now, pause} from './now.js';
import type {Relayed} from './relay-worker.js';
import {questionsTo} from './side-door.js';

/** One document, and the connection that this page uses for it. */
export interface Place {
  way: 'tabs' | 'plain';
  /** For `tabs`; unused for plain connections. */
  namespace: string;
  url: string;
  id: string;
}

interface Edits {
  edits: number[];
}

interface Edited {
  place: Place;
  connection: Connection | TabConnection;
  doc: Doc<Edits>;
}

/** Instead of an edit: a bare message, and one that a worker puts into IndexedDB on its way. */
export const bareMessage = 'message';
export const relayed = 'relay';

const edited: Record<string, Edited> = {};
const messages = new BroadcastChannel('bench: bare');
const seen = new BroadcastChannel('bench: seen');
let relay: MessagePort | undefined;

const relayPort = (): MessagePort => (relay ??= startRelay().port);

/** Subscribes to a document at each of the named places. */
export async function openForEdits(places: Record<string, Place>): Promise<void> {
  for (const [name, place] of Object.entries(places)) {
    const connection = connect(place);
    const doc = connection.get('bench', place.id) as unknown as Doc<Edits>;
    edited[name] = {place, connection, doc};
    await settled(done => doc.subscribe(done));
    if (place.way === 'tabs' && (connection as TabConnection).mode !== 'shared-worker') throw new Error('not by a shared worker');
  }
}

/** In the watching page: reports when each edit arrived. */
export function watchEdits(): void {
  const note = (name: string, n: number): void => seen.postMessage({name, n, at: now()});
  for (const [name, {doc}] of Object.entries(edited)) {
    doc.on('op', ([{li}], source) => { if (!source) note(name, li as number); });
  }
  messages.onmessage = ({data}) => note(bareMessage, data as number);
  relayPort().onmessage = ({data}) => note(relayed, data as number);
}

/** In the editing page: ms from `submitOp` until the other page had the edit, by place. */
export async function editsToOther(
  {rounds, warmUp, names}: {rounds: number; warmUp: number; names: string[]}
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
  const waiting = new Map<string, (at: number) => void>();
  seen.onmessage = ({data: {name, n, at}}) => waiting.get(`${name} ${n}`)?.(at as number);
  for (let round = 0; round < warmUp + rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      const n = edited[name]?.doc.data!.edits.length ?? round;
      const arrived = new Promise<number>(resolve => waiting.set(`${name} ${n}`, resolve));
      const start = now();
      if (name === bareMessage) messages.postMessage(n);
      else if (name === relayed) relayPort().postMessage({n, record: JSON.stringify([{p: ['edits', n], li: n}])} satisfies Relayed);
      else submit(name, () => {});
      const ms = (await arrived) - start;
      if (round >= warmUp) times[name]!.push(ms);
      await atRest(name);
    }
  }
  return times;
}

/** ms from `submitOp` until its callback (the server has the op), by place. */
export async function editsToServer({rounds, warmUp}: {rounds: number; warmUp: number}): Promise<Record<string, number[]>> {
  const names = Object.keys(edited);
  const times: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
  for (let round = 0; round < warmUp + rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      const start = now();
      await settled(done => submit(name, done));
      if (round >= warmUp) times[name]!.push(now() - start);
      await pause(2);
    }
  }
  return times;
}

/**
 * ms of the call of `submitOp` alone, by place. The next call waits until the server has the last op.
 * @param perTurn the number of calls in one turn; the result is their mean
 */
export async function submitCalls(
  {rounds, warmUp, perTurn, callback}: {rounds: number; warmUp: number; perTurn: number; callback: boolean}
): Promise<Record<string, number[]>> {
  const names = Object.keys(edited);
  const times: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
  const nothing = (): void => {};
  for (let round = 0; round < warmUp + rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      const {doc} = edited[name]!;
      let {length} = doc.data!.edits;
      const ops = Array.from({length: perTurn}, () => [{p: ['edits', length], li: length++}]);
      const start = performance.now();
      for (const op of ops) {
        if (callback) doc.submitOp(op, undefined, nothing);
        else doc.submitOp(op);
      }
      const ms = performance.now() - start;
      if (round >= warmUp) times[name]!.push(ms / perTurn);
      await atRest(name);
    }
  }
  return times;
}

/** The counts of the host's store at a place so far. */
export async function storeCounts(name: string): Promise<Counts> {
  return await questionsTo(edited[name]!.place.namespace)({ask: 'counts'}) as Counts;
}

export function serverIsThere(name: string): boolean {
  return edited[name]!.connection.state === 'connected';
}

export function edits(): Record<string, number[]> {
  return Object.fromEntries(Object.entries(edited).map(([name, {doc}]) => [name, doc.data!.edits]));
}

export async function editsSent(): Promise<void> {
  for (const {doc} of Object.values(edited)) await settled(done => doc.whenNothingPending(done));
}

function submit(name: string, done: (error?: unknown) => void): void {
  const {doc} = edited[name]!;
  const n = doc.data!.edits.length;
  doc.submitOp([{p: ['edits', n], li: n}], undefined, done);
}

/** Waits until nothing is under way, so that edits do not affect each other. */
async function atRest(name: string): Promise<void> {
  if (edited[name] && serverIsThere(name)) await settled(done => edited[name]!.doc.whenNothingPending(done));
  await pause(2);
}
