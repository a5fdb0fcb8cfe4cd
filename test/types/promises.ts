import type {ProxyConnection, ProxyDoc} from 'sharedb-tabs';
import type {Snapshot} from 'sharedb/lib/sharedb.js';
import {exact} from './exact.js';
import type {Note} from './note.js';

/** What every method with a callback gives too: a promise. */
export async function promised(connection: ProxyConnection): Promise<void> {
  const doc = connection.get<Note>('notes', 'one');
  exact<void>()(await doc.create({title: '', tags: []}));
  exact<void>()(await doc.create({title: '', tags: []}, 'json0', {source: 'here'}));
  exact<void>()(await doc.submitOp([{p: ['title', 0], si: 'a'}], {source: 'here'}));
  exact<void>()(await doc.del());
  exact<void>()(await doc.fetch());
  exact<void>()(await doc.subscribe());
  exact<void>()(await doc.unsubscribe());
  exact<void>()(await doc.ingestSnapshot(doc.toSnapshot()));
  exact<void>()(await doc.whenNothingPending());
  exact<void>()(await doc.destroy());
  exact<void>()(await connection.whenNothingPending());

  // With a callback as well, and as any promise.
  await doc.submitOp([], () => {});
  await Promise.all([doc.fetch(), doc.subscribe()]);
  doc.subscribe().then(() => doc.data.title, (error: Error) => error.message).finally(() => {});
  const promise: Promise<void> = doc.fetch();
  await promise;

  exact<ProxyDoc<Note>[]>()(await connection.getBulk<Note>('notes', ['one', 'two']));
  exact<ProxyDoc<Note>[]>()(await connection.createSubscribeQuery<Note>('notes', {}).whenReady());
  exact<Snapshot>()(await connection.getSnapshot('notes', 'one', 5));
  exact<Snapshot>()(await connection.getSnapshotByTimestamp('notes', 'one'));

  // @ts-expect-error: nothing comes with it
  (await doc.fetch()).data;
  // @ts-expect-error: ids are a list
  await connection.getBulk('notes', 'one');
}
