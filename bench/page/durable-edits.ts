import {openBareStore, put} from './bare-store.js';
import {connectTab} from './connect.js';
import type {Counts, Written} from './counting-storage.js';
import {now, pause} from './now.js';
import {questionsTo} from './side-door.js';
import type {TabConnection} from '../../lib/index.js';

export interface DurableEdits {
  /** By document: ms from `submitOp` until the host has reported that the edit is durable. */
  edits: Record<string, number[]>;
  /** By document: ms of the call of `submitOp` alone. */
  calls: Record<string, number[]>;
  /** ms of a put of the op's JSON, in the page. */
  put: number[];
  /** ms of the same put in the worker, requested and answered over BroadcastChannel. */
  putInWorker: number[];
  /** ms of a message to the worker and back. */
  echo: number[];
  /** ms of each commit in the host. */
  commits: number[];
  /** By document: the writes of all its measured edits, and those of one more edit with the pause after it. */
  written: Record<string, {journal: Written; afterPause: Written}>;
}

interface Paragraphs {
  paragraphs: string[];
}

let connection: TabConnection;

export async function openForDurableEdits({namespace, url, ids}: {namespace: string; url: string; ids: string[]}): Promise<void> {
  connection = connectTab(namespace, url);
  await Promise.all(ids.map(id => connection.get('bench', id).subscribe()));
  await connection.flushWrites();
}

/** Types one character after another, into the middle of each document in turn. Needs an unreachable server. */
export async function durableEdits(
  {namespace, ids, rounds, warmUp}: {namespace: string; ids: string[]; rounds: number; warmUp: number}
): Promise<DurableEdits> {
  while (connection.state === 'connected') await pause(10);
  const bare = await openBareStore(`${namespace}, page`);
  const ask = questionsTo(namespace);
  const lists = (): Record<string, number[]> => Object.fromEntries(ids.map(id => [id, []]));
  const times: Omit<DurableEdits, 'written' | 'commits'> = {edits: lists(), calls: lists(), put: [], putInWorker: [], echo: []};
  const counts = async (): Promise<Counts> => await ask({ask: 'counts'}) as Counts;

  const edit = async (id: string, n: number): Promise<[call: number, all: number]> => {
    const doc = connection.get<Paragraphs>('bench', id);
    const op = opOf(doc.data!, n);
    const start = now();
    doc.submitOp(op, undefined, () => {});
    const called = now();
    await connection.flushWrites();
    return [called - start, now() - start];
  };
  const timed = async (act: () => Promise<unknown>): Promise<number> => {
    const start = now();
    await act();
    return now() - start;
  };

  let before: Counts = {written: {}, commits: []};
  for (let n = 0; n < warmUp + rounds; n++) {
    if (n === warmUp) before = await counts();
    const isMeasured = n >= warmUp;
    const record = JSON.stringify(opOf(connection.get<Paragraphs>('bench', ids[0]!).data!, n));
    const steps = [
      ...ids.map(id => async () => {
        const [call, all] = await edit(id, n);
        if (!isMeasured) return;
        times.calls[id]!.push(call);
        times.edits[id]!.push(all);
      }),
      async () => { const ms = await timed(() => put(bare, 'in the page', n, record)); if (isMeasured) times.put.push(ms); },
      async () => { const ms = await timed(() => ask({ask: 'put', record})); if (isMeasured) times.putInWorker.push(ms); },
      async () => { const ms = await timed(() => ask({ask: 'echo'})); if (isMeasured) times.echo.push(ms); }
    ];
    for (let i = 0; i < steps.length; i++) await steps[(i + n) % steps.length]!();
  }
  const after = await counts();
  // Longer than the host waits for a quiet moment before it writes a checkpoint.
  await pause(4000);
  const quiet = await counts();
  for (const id of ids) await edit(id, warmUp + rounds);
  await pause(4000);
  const end = await counts();
  const commits = after.commits.slice(before.commits.length);
  return {...times, commits, written: Object.fromEntries(ids.map(id => [id, {
    journal: difference(after.written[id]!, before.written[id]), afterPause: difference(end.written[id]!, quiet.written[id])
  }]))};
}

/** Resolves when the server is reachable and has everything that was stored. */
export async function durableEditsSent(): Promise<void> {
  while (connection.state !== 'connected' || connection.hasPendingOfflineDocs()) await pause(10);
}

const letters = 'abcdefghijklmnopqrstuvwxyz';

function opOf({paragraphs}: Paragraphs, n: number): object[] {
  return [{p: ['paragraphs', paragraphs.length >> 1, n], si: letters[n % letters.length]}];
}

function difference(after: Written, before: Written | undefined): Written {
  return {
    appends: after.appends - (before?.appends ?? 0),
    appended: after.appended - (before?.appended ?? 0),
    checkpoints: after.checkpoints - (before?.checkpoints ?? 0),
    checkpointed: after.checkpointed - (before?.checkpointed ?? 0)
  };
}
