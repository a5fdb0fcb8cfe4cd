import {expect} from 'chai';
import {HostSession, type DeliveryRule, type Durability} from '../../lib/broker/host-session.js';
import type {Batch} from '../../lib/protocol/frames.js';
import type {SessionId} from '../../lib/protocol/ids.js';

describe('a host\'s side of a session', () => {
  let now: number;
  let timers: {at: number; callback: () => void}[];
  let ticks: (() => void)[];
  let posted: Batch[];
  let session: HostSession;

  function begin(durability?: Durability): void {
    now = 1000;
    timers = [];
    ticks = [];
    posted = [];
    session = new HostSession({
      id: 'epoch/1' as SessionId,
      side: 'host',
      channel: {postMessage: batch => posted.push(batch as Batch), onmessage: null, close() {}},
      clock: {
        now: () => now,
        after: (ms, callback) => {
          const timer = {at: now + ms, callback};
          timers.push(timer);
          return () => { timers = timers.filter(other => other !== timer); };
        }
      },
      nextTick: callback => ticks.push(callback),
      onMessage: () => {},
      onMalformed: () => {},
      onBroken: () => {},
      durability
    });
  }

  function say(text: string, rule?: DeliveryRule, mayWait?: boolean): void {
    session.send({a: text}, rule, mayWait);
    for (const tick of ticks.splice(0)) tick();
  }

  function pass(ms: number): void {
    now += ms;
    const due = timers.filter(({at}) => at <= now);
    timers = timers.filter(({at}) => at > now);
    for (const {callback} of due) callback();
  }

  const heard = (): string[][] => posted.map(({messages}) => messages.map(text => (JSON.parse(text) as {a: string}).a));

  describe('collects messages that may wait', () => {
    beforeEach(() => begin());

    it('and sends them once in 8 ms', () => {
      say('one', 'repeatable', true);
      say('two', 'repeatable', true);
      say('three', 'repeatable', true);
      expect(heard()).to.eql([['one']]);
      pass(8);
      expect(heard()).to.eql([['one'], ['two', 'three']]);
      pass(8);
      say('four', 'repeatable', true);
      expect(heard().at(-1)).to.eql(['four']);
    });

    it('and sends them with a later message that may not wait', () => {
      say('one');
      say('two', 'repeatable', true);
      say('three', 'repeatable');
      expect(heard()).to.eql([['one'], ['two', 'three']]);
      pass(8);
      expect(posted).to.have.length(2);
    });

    it('and drops them when it ends', () => {
      say('one');
      say('two', 'repeatable', true);
      session.end();
      pass(8);
      expect(heard()).to.eql([['one']]);
      expect(timers).to.eql([]);
    });
  });

  describe('with a journal', () => {
    let journal: Durability & {lastChange: number; lastNeededChange: number};
    let committed: number;
    let waiting: {change: number; callback: () => void}[];
    let hurried: number;

    beforeEach(() => {
      committed = 0;
      waiting = [];
      hurried = 0;
      journal = {
        lastChange: 0,
        lastNeededChange: 0,
        isDown: false,
        whenCommitted(change, callback) {
          if (change <= committed) callback();
          else waiting.push({change, callback});
        },
        get isWriting() { return committed < journal.lastChange; },
        whenCommittedOrFailed(change, callback, hurries = true) {
          if (change <= committed) return callback();
          waiting.push({change, callback});
          if (hurries) hurried = Math.max(hurried, change);
        }
      };
      begin(journal);
    });

    function write(isRepeatable = false): void {
      journal.lastChange++;
      if (!isRepeatable) journal.lastNeededChange = journal.lastChange;
    }

    function commit(change: number): void {
      committed = change;
      const due = waiting.filter(one => one.change <= change);
      waiting = waiting.filter(one => one.change > change);
      for (const {callback} of due) callback();
    }

    it('holds back messages whose content is not durable', () => {
      write();
      say('one');
      expect(heard()).to.eql([]);
      commit(1);
      expect(heard()).to.eql([['one']]);
    });

    it('sends messages early if their content would be received again, and marks them', () => {
      say('one');
      write(true);
      say('two', 'repeatable');
      expect(posted.map(({durable}) => durable)).to.eql([undefined, 1]);
      commit(1);
      say('three');
      expect(posted.at(-1)!.durable).to.equal(undefined);
    });

    it('sends later messages as soon as the message that is held back', () => {
      write();
      say('one');
      write(true);
      say('two', 'repeatable');
      say('three', 'own');
      expect(heard()).to.eql([]);
      commit(1);
      expect(heard()).to.eql([['one'], ['two'], ['three']]);
      expect(hurried).to.equal(1);
    });
  });
});
