import {expect} from 'chai';
import {StatusBoard} from '../../lib/host/status-board.js';
import type {Platform} from '../../lib/platform/platform.js';
import type {HostStatus} from '../../lib/protocol/messages.js';

describe('the status that tabs are told', () => {
  let due: (() => void)[];
  let told: HostStatus[];
  let board: StatusBoard;
  const counts = {tabs: 1, deadLetters: 0};

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
    board = new StatusBoard({clock} as unknown as Platform, {store: undefined, counts: () => counts, tell: status => told.push(status)});
  });

  function pass(): void {
    for (const callback of due.splice(0)) callback();
  }

  it('is told once, however much has changed', () => {
    board.countPending(1, 1);
    board.countPending(1, 2);
    board.countPending(1, 1);
    pass();
    expect(told).to.eql([{tabs: 1, deadLetters: 0, pendingOps: 3, pendingDocs: 2, durable: false, pendingWrites: 0}]);
  });

  it('is not told where it has changed back meanwhile, as with an edit that the server has acknowledged at once', () => {
    board.update();
    pass();
    board.countPending(1, 1);
    board.countPending(-1, 0);
    pass();
    expect(told).to.have.length(1);
  });

  it('is told again to who has not heard it', () => {
    board.update();
    pass();
    board.tellAnew();
    pass();
    expect(told).to.have.length(2);
  });

  it('is told no more when the host has closed', () => {
    board.update();
    board.end();
    pass();
    board.update();
    pass();
    expect(told).to.eql([]);
  });
});
