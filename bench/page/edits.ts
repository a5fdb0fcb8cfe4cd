import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import type {TabConnection} from '../../lib/index.js';
import {settled} from '../../test/waiting/settled.js';
import {connectPlain, connectTab} from './connect.js';
import type {Counts} from './counting-storage.js';
import {now, pause} from './now.js';
import {questionsTo} from './side-door.js';

/** The product, plain ShareDB, and a message with nothing around it. */
export type Way = 'tabs' | 'plain' | 'message';
export type Times = Record<Way, number[]>;

export interface Place {
  namespace: string;
  tabsUrl: string;
  plainUrl: string;
  /** The document of each way. */
  ids: {tabs: string; plain: string};
}

interface Edits {
  edits: number[];
}

let tabs: {connection: TabConnection; doc: Doc<Edits>};
let plain: {connection: Connection; doc: Doc<Edits>};
const messages = new BroadcastChannel('bench: bare');
const seen = new BroadcastChannel('bench: seen');

export async function openForEdits({namespace, tabsUrl, plainUrl, ids}: Place): Promise<string | undefined> {
  const connection = connectTab(namespace, tabsUrl);
  tabs = {connection, doc: connection.get(collection, ids.tabs) as unknown as Doc<Edits>};
  const direct = connectPlain(plainUrl);
  plain = {connection: direct, doc: direct.get(collection, ids.plain) as Doc<Edits>};
  for (const {doc} of [tabs, plain]) await settled(done => doc.subscribe(done));
  return connection.mode;
}

const collection = 'bench';

/** In the page that looks on: says when each edit came. */
export function watchEdits(): void {
  const note = (way: Way, n: number): void => seen.postMessage({way, n, at: now()});
  tabs.doc.on('op', ([{li}], source) => { if (!source) note('tabs', li as number); });
  plain.doc.on('op', ([{li}], source) => { if (!source) note('plain', li as number); });
  messages.onmessage = ({data}) => note('message', data as number);
}

/** In the page that edits: ms from `submitOp` until the other page had it. */
export async function editsToOther({rounds, warmUp, ways}: {rounds: number; warmUp: number; ways: Way[]}): Promise<Times> {
  const times: Times = {tabs: [], plain: [], message: []};
  const waiting = new Map<string, (at: number) => void>();
  seen.onmessage = ({data: {way, n, at}}) => waiting.get(`${way} ${n}`)?.(at as number);
  let {length} = tabs.doc.data!.edits;
  for (let round = 0; round < warmUp + rounds; round++, length++) {
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round) % ways.length]!;
      const arrived = new Promise<number>(resolve => waiting.set(`${way} ${length}`, resolve));
      const start = now();
      if (way === 'message') messages.postMessage(length);
      else submit(way, length);
      const ms = (await arrived) - start;
      if (round >= warmUp) times[way].push(ms);
      // Every edit finds things at rest.
      if (way === 'plain') await settled(done => plain.doc.whenNothingPending(done));
      if (way === 'tabs' && tabs.connection.state === 'connected') await settled(done => tabs.doc.whenNothingPending(done));
      await pause(2);
    }
  }
  return times;
}

/** ms from `submitOp` until its callback: the server has it. */
export async function editsToServer(
  {namespace, rounds, warmUp}: {namespace: string; rounds: number; warmUp: number}
): Promise<Pick<Times, 'tabs' | 'plain'> & {commits: number[]}> {
  const ask = questionsTo(namespace);
  const commits = async (): Promise<number[]> => (await ask({ask: 'counts'}) as Counts).commits;
  let before = 0;
  const times: Pick<Times, 'tabs' | 'plain'> = {tabs: [], plain: []};
  let {length} = tabs.doc.data!.edits;
  for (let round = 0; round < warmUp + rounds; round++, length++) {
    if (round === warmUp) before = (await commits()).length;
    for (const way of round % 2 ? (['tabs', 'plain'] as const) : (['plain', 'tabs'] as const)) {
      const start = now();
      await new Promise<void>((resolve, reject) => submit(way, length, error => (error ? reject(error) : resolve())));
      if (round >= warmUp) times[way].push(now() - start);
      await pause(2);
    }
  }
  return {...times, commits: (await commits()).slice(before)};
}

export function serverIsThere(): boolean {
  return tabs.connection.state === 'connected';
}

export function edits(): Record<'tabs' | 'plain', number[]> {
  return {tabs: tabs.doc.data!.edits, plain: plain.doc.data!.edits};
}

export async function editsSent(): Promise<void> {
  await tabs.connection.whenNothingPending();
}

function submit(way: 'tabs' | 'plain', n: number, done: (error?: unknown) => void = () => {}): void {
  const {doc} = way === 'tabs' ? tabs : plain;
  doc.submitOp([{p: ['edits', n], li: n}], undefined, done);
}
