import {expect} from 'chai';
import {StatusBoard} from '../../lib/host/status-board.js';
import type {Platform} from '../../lib/platform/platform.js';
import {MAX_UNSAVED_DOCS, type HostStatus} from '../../lib/protocol/host-status.js';

describe('the status that tabs receive', () => {
  let due: (() => void)[];
  let told: HostStatus[];
  let board: StatusBoard;
  const counts = {tabs: 1, deadLetters: 0};
  const doc = {collection: 'notes', id: 'one'};

  beforeEach(() => {
    due = [];
    told = [];
    const clock = {
      now: () => 0,
      after: (_ms: number, callback: () => void) => {
        due.push(callback);
        return () => { due = due.filter(one => one !== callback); };
      }
    };
    board = new StatusBoard({clock} as unknown as Platform, {store: undefined, counts: () => counts, send: status => told.push(status)});
  });

  function pass(): void {
    for (const callback of due.splice(0)) callback();
  }

  it('is sent once, for any number of changes', () => {
    board.countPending(1, 1, doc);
    board.countPending(1, 2, doc);
    board.countPending(1, 1, doc);
    pass();
    expect(told).to.eql([{tabs: 1, deadLetters: 0, pendingOps: 3, pendingDocs: 2, durable: false, pendingWrites: 0}]);
  });

  it('is not sent if it has changed back meanwhile, as with an edit that the server has acknowledged at once', () => {
    board.update();
    pass();
    board.countPending(1, 1, doc);
    board.countPending(-1, 0, doc);
    pass();
    expect(told).to.have.length(1);
  });

  it('is sent at once if a document that was reported as unsaved is saved, unless many are unsaved', () => {
    const unsaved = Array.from({length: 12}, (_, i) => ({collection: 'notes', id: String(i), pendingOps: 1, refusedOps: 0}));
    Object.assign(counts, {unsaved});
    for (const one of unsaved) board.countPending(1, 1, one);
    pass();
    for (const pendingDocs of [11, 10, 9, 8]) {
      board.countPending(-1, 0, unsaved.shift()!);
      expect(told.at(-1)!.pendingDocs).to.equal(pendingDocs > 9 ? 12 : pendingDocs);
    }
    Object.assign(counts, {unsaved: undefined});
  });

  it('is sent at once when the last documents that a full list left out are saved', () => {
    const docs = Array.from({length: 150}, (_, i) => ({collection: 'notes', id: String(i), pendingOps: 1, refusedOps: 0}));
    Object.assign(counts, {unsaved: docs.slice(0, MAX_UNSAVED_DOCS)});
    for (const one of docs) board.countPending(1, 1, one);
    pass();
    while (docs.length) {
      const saved = docs.shift()!;
      Object.assign(counts, {unsaved: docs.length ? docs.slice(0, MAX_UNSAVED_DOCS) : undefined});
      board.countPending(-1, 0, saved);
    }
    expect(told.map(({pendingDocs}) => pendingDocs)).to.eql([150, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('is sent again if it has changed back after one tab received it early', () => {
    board.update();
    pass();
    board.countPending(1, 1, doc);
    expect(board.takeUnsent()).to.include({pendingOps: 1});
    board.countPending(-1, 0, doc);
    pass();
    expect(told.map(({pendingOps}) => pendingOps)).to.eql([0, 0]);
  });

  it('is sent again to tabs that have not received it', () => {
    board.update();
    pass();
    board.sendAgain();
    pass();
    expect(told).to.have.length(2);
  });

  it('is not sent after the host has closed', () => {
    board.update();
    board.end();
    pass();
    board.update();
    pass();
    expect(told).to.eql([]);
  });
});
