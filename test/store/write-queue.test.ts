import {expect} from 'chai';
import type {Queued} from '../../lib/store/coalesce.js';
import {HistoryMark} from '../../lib/store/history-mark.js';
import type {DocKey} from '../../lib/store/storage.js';
import {WriteQueue} from '../../lib/store/write-queue.js';

const ONE: DocKey = ['notes', 'one'];
const TWO: DocKey = ['notes', 'two'];
const append = (key: DocKey, n: number): Queued => ({type: 'append', key, n, record: `op ${n}`});
const checkpoint = (key: DocKey, n: number): Queued => ({type: 'checkpoint', key, n, checkpoint: 'text', hasPending: false});
const quarantining = (key: DocKey): Queued => ({type: 'quarantine', key, error: {message: 'useless'}});

describe('WriteQueue', () => {
  let queue: WriteQueue;
  const push = (...changes: Queued[]): void => changes.forEach(change => queue.push(change));
  const inFlight = (): string[] => queue.inFlight.map(change => (change.type === 'append' ? `${change.key[1]} ${change.n}` : change.type));
  const batches = (): string[][] => {
    const all: string[][] = [];
    for (let batch = queue.takeBatch(); queue.inFlight.length; batch = queue.takeBatch()) {
      all.push(inFlight());
      queue.noteCommitted(batch);
    }
    return all;
  };
  beforeEach(() => { queue = new WriteQueue(); });

  it('numbers its changes, and knows which of them can\'t be received again', () => {
    push(append(ONE, 1));
    queue.push(checkpoint(ONE, 1), true);
    expect([queue.lastChange, queue.lastNeededChange, queue.size]).to.eql([2, 1, 1]);
  });

  it('commits all waiting changes in one batch', () => {
    push(append(ONE, 1), append(TWO, 1));
    const batch = queue.takeBatch();
    push(append(ONE, 2));
    expect([inFlight(), batch, queue.committed]).to.eql([['one 1', 'two 1'], {isLast: true, upTo: 2}, 0]);
    queue.noteCommitted(batch);
    expect([queue.committed, queue.size]).to.eql([2, 1]);
  });

  it('gives a document that is quarantined a batch of its own', () => {
    push(append(ONE, 1), quarantining(TWO), append(ONE, 2));
    expect(batches()).to.eql([['one 1'], ['quarantine'], ['one 2']]);
    expect(queue.committed).to.equal(3);
  });

  it('retries a failed batch before later changes', () => {
    push(append(ONE, 1));
    queue.takeBatch();
    push(append(ONE, 2));
    queue.requeue();
    expect(batches()).to.eql([['one 1', 'one 2']]);
  });

  it('retries to quarantine a document after the other documents, and before its own changes', () => {
    push(quarantining(ONE));
    queue.takeBatch();
    push(append(ONE, 1), append(TWO, 1));
    queue.requeue();
    expect(batches()).to.eql([['two 1'], ['quarantine'], ['one 1']]);
  });

  it('does not repeat a written part of a batch', () => {
    const one = append(ONE, 1);
    push(one, append(TWO, 1));
    queue.takeBatch();
    queue.dropFromBatch([one]);
    queue.requeue();
    expect(batches()).to.eql([['two 1']]);
  });

  it('does not count a queued change as committed after it was coalesced', () => {
    push(append(ONE, 1));
    const batch = queue.takeBatch();
    push(append(ONE, 2), append(ONE, 3), checkpoint(ONE, 3), quarantining(TWO), append(ONE, 4));
    queue.coalesce();
    queue.noteCommitted(batch);
    const committed: number[] = [];
    for (let next = queue.takeBatch(); queue.inFlight.length; next = queue.takeBatch()) {
      queue.noteCommitted(next);
      committed.push(queue.committed);
    }
    expect(committed).to.eql([1, 1, 6]);
  });

  it('stays short while the storage can\'t write', () => {
    queue.coalesce();
    for (let n = 1; n <= 5000; n++) push(append(ONE, n), checkpoint(ONE, n));
    expect(queue.size).to.be.below(600);
    expect(queue.lastChange).to.equal(10_000);
  });

  it('must be written until the change with a waiting caller is committed', () => {
    push(append(ONE, 1));
    const wanted = [queue.isWanted];
    queue.want(1);
    wanted.push(queue.isWanted);
    batches();
    expect([...wanted, queue.isWanted]).to.eql([false, true, false]);
  });

  it('knows the changes of a document, including those in flight', () => {
    push(append(ONE, 1), append(TWO, 1));
    queue.takeBatch();
    push(append(ONE, 2), {type: 'meta', name: 'value', value: 'x'});
    expect(queue.ofDoc(ONE)).to.eql([append(ONE, 1), append(ONE, 2)]);
    expect([[...queue.waitingDocs()], queue.hasWaitingValue('value'), queue.hasWaitingValue('other')]).to.eql([[JSON.stringify(ONE)], true, false]);
  });

  it('accepts no change after its end', () => {
    push(append(ONE, 1));
    queue.close();
    push(append(ONE, 2));
    queue.unshift([append(ONE, 0)]);
    expect([batches(), queue.lastChange]).to.eql([[], 1]);
  });
});

describe('HistoryMark', () => {
  it('writes the id of a new store with the last queued change', () => {
    const mark = new HistoryMark('epoch');
    expect(mark.noteStored({})).to.equal(true);
    mark.continue();
    const change = mark.changeFor(true);
    expect(change).to.include({value: 'epoch'});
    mark.noteWritten(change);
    expect(mark.changeFor(true)).to.equal(undefined);
  });

  it('writes nothing if it continues the histories of the storage', () => {
    const mark = new HistoryMark('epoch');
    expect(mark.noteStored({lineage: 'earlier'})).to.equal(false);
    mark.continue();
    expect([mark.id, mark.changeFor(false)]).to.eql(['earlier', undefined]);
  });

  it('marks a storage that was found late until all documents of the host are in it', () => {
    const mark = new HistoryMark('epoch');
    mark.begin();
    mark.noteStored({lineage: 'earlier'});
    const first = mark.changeFor(false);
    mark.noteWritten(first);
    expect([first, mark.changeFor(false), mark.changeFor(true)].map(change => (change?.type === 'meta' ? change.value : undefined)))
      .to.eql(['epoch/unfinished', undefined, 'epoch']);
  });
});
