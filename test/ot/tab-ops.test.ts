import {expect} from 'chai';
import {afterReset} from '../../lib/ot/after-reset.js';
import {
  advance, madeAtOf, notAtHostOf, place, returnTo, rollBack, sendAllAgain, settle, takeAll, takeBack, takeRun, unansweredOf, unsentOf, type TabOps
} from '../../lib/ot/tab-ops.js';
import {Random} from '../support/random.js';

interface Op {
  id: number;
  seq?: number;
}

const op = (seq: number): Op => ({id: seq, seq});

function tabWith(members: Partial<TabOps<Op>> = {}): TabOps<Op> {
  return {
    rev: 4, version: 2, isMixed: false, inflightOp: null, pendingOps: [], run: 0, isBehind: false, unsettled: [], opsAwaitingReset: undefined,
    awaitingResetFrom: undefined, ...members
  };
}

/** The numbers of a tab's ops, by where they are. */
const shown = ({opsAwaitingReset, unsettled, inflightOp, pendingOps}: TabOps<Op>): Record<string, number[]> => {
  const lists = {awaiting: opsAwaitingReset ?? [], unsettled, inflight: inflightOp ? [inflightOp] : [], pending: pendingOps};
  return Object.fromEntries(Object.entries(lists).filter(([, ops]) => ops.length).map(([name, ops]) => [name, ops.map(({id}) => id)]));
};

describe('the ops of a tab on a document', () => {
  const placed = {rev: 5, v: 2};

  describe('when the host places one', () => {
    const cases: {what: string; before: Partial<TabOps<Op>>; seq?: number; after: object; isPlaced?: boolean}[] = [
      {what: 'it waits for the server', before: {inflightOp: op(1)}, after: {unsettled: [1]}},
      {what: 'it is behind those that wait already', before: {unsettled: [op(1)], inflightOp: op(2)}, seq: 2, after: {unsettled: [1, 2]}},
      {what: 'the next op that left with it is in flight', before: {inflightOp: op(1), pendingOps: [op(2), op(3)], run: 1}, after: {unsettled: [1], inflight: [2], pending: [3]}},
      {what: 'an op that has not left is not in flight', before: {inflightOp: op(1), pendingOps: [op(2)], run: 0}, after: {unsettled: [1], pending: [2]}},
      {what: 'it may be a pending op again, after a lost connection', before: {pendingOps: [op(1), op(2)]}, after: {unsettled: [1], pending: [2]}},
      {what: 'an op that the tab does not have counts for nothing', before: {inflightOp: op(2), pendingOps: [op(3)]}, after: {inflight: [2], pending: [3]}, isPlaced: false},
      {what: 'an op behind the first does not pass it', before: {pendingOps: [op(2), op(1)]}, after: {pending: [2, 1]}, isPlaced: false}
    ];
    for (const {what, before, seq = 1, after, isPlaced = true} of cases) {
      it(what, () => {
        const tab = tabWith({...before, isBehind: true, version: 1});
        expect(place(tab, {...placed, seq})?.seq).to.equal(isPlaced ? seq : undefined);
        expect(shown(tab)).to.eql(after);
        expect([tab.rev, tab.version, tab.isBehind]).to.eql(isPlaced ? [5, 2, false] : [5, 1, true]);
      });
    }
  });

  it('leave together with the one in flight, up to a limit', () => {
    const tab = tabWith({inflightOp: op(1), pendingOps: [op(2), op(3), op(4)]});
    expect([takeRun(tab, 2).map(({seq}) => seq), tab.run, shown(tab)]).to.eql([[2, 3], 2, {inflight: [1], pending: [2, 3, 4]}]);
    expect([takeRun(tab, 0), tab.run]).to.eql([[], 0]);
  });

  it('leave one by one after one was made on a state that is too old, until the host places it', () => {
    const tab = tabWith({inflightOp: op(1), pendingOps: [op(2)], run: 1});
    expect([takeBack(tab, 2), shown(tab)]).to.eql([false, {inflight: [1], pending: [2]}]);
    expect([takeBack(tab, 1), shown(tab)]).to.eql([true, {pending: [1, 2]}]);
    tab.inflightOp = tab.pendingOps.shift()!;
    expect(takeRun(tab, 9)).to.eql([]);
    place(tab, {...placed, seq: 1});
    tab.inflightOp = tab.pendingOps.shift()!;
    tab.pendingOps.push(op(3));
    expect(takeRun(tab, 9)).to.eql([op(3)]);
  });

  describe('when the server answers', () => {
    for (const {what, seqs, answered, left} of [
      {what: 'leave in order', seqs: [1, 2], answered: [1, 2], left: [3]},
      {what: 'leave out of order if they had no effect', seqs: [2], answered: [2], left: [1, 3]},
      {what: 'leave in both ways at once', seqs: [1, 3], answered: [1, 3], left: [2]},
      {what: 'are not concerned by answers to ops that have left before', seqs: [0], answered: [], left: [1, 2, 3]}
    ]) {
      it(what, () => {
        const tab = tabWith({unsettled: [op(1), op(2), op(3)], inflightOp: op(4)});
        expect([...settle(tab, new Set(seqs))].map(({seq}) => seq)).to.eql(answered);
        expect(shown(tab)).to.eql({unsettled: left, inflight: [4]});
      });
    }
  });

  it('wait for another state when the host has lost its own', () => {
    const tab = tabWith({unsettled: [op(1), op(2)], inflightOp: op(3), pendingOps: [op(4)]});
    rollBack(tab);
    expect([tab.rev, tab.version, madeAtOf(tab), shown(tab), unsentOf(tab)]).to.eql([null, null, 2, {awaiting: [1, 2, 3, 4]}, []]);
    expect(notAtHostOf(tab).map(({seq}) => seq)).to.eql([1, 2, 3, 4]);
    // An op that the app makes meanwhile is behind them.
    tab.pendingOps.push(op(5));
    expect(unansweredOf(tab).map(({seq}) => seq)).to.eql([1, 2, 3, 4, 5]);
    const {ops, madeAt} = takeAll(tab);
    expect([madeAt, ops.map(({seq}) => seq), shown(tab)]).to.eql([2, [1, 2, 3, 4, 5], {}]);
  });

  it('are sent again from the creation on, or from the revision on that the next host knows', () => {
    const created = tabWith({unsettled: [op(1), op(2)], inflightOp: op(3), pendingOps: [op(4)]});
    sendAllAgain(created);
    expect([shown(created), created.version]).to.eql([{pending: [1, 2, 3, 4]}, null]);
    const returned = tabWith({unsettled: [op(1), op(2)], pendingOps: [op(3)]});
    returnTo(returned, 2, [returned.unsettled[1]!]);
    expect([shown(returned), returned.rev]).to.eql([{unsettled: [1], pending: [2, 3]}, 2]);
  });

  it('were made on the server\'s version only while nothing of other tabs is shown that the server lacks', () => {
    const tab = tabWith();
    advance(tab, {rev: 5, v: 3, clean: true});
    tab.version = 3;
    expect([tab.rev, madeAtOf(tab)]).to.eql([5, 3]);
    // An op of another tab does not change the version.
    advance(tab, {rev: 6, v: 3});
    expect(madeAtOf(tab)).to.equal(undefined);
    // The server's op comes with the other tab's op still unacknowledged.
    advance(tab, {rev: 7, v: 4});
    tab.version = 4;
    expect(madeAtOf(tab)).to.equal(undefined);
    advance(tab, {rev: 8, v: 5, clean: true});
    tab.version = 5;
    expect(madeAtOf(tab)).to.equal(5);
  });
});

/** A program of transitions in a random order, with the parts of ShareDB and of a host that move ops. */
class Program {
  readonly tab = tabWith();
  private readonly random: Random;
  private made = 0;
  private seq = 0;
  /** The numbers of ops that have left the document, each with the transition that took it. */
  readonly left = new Map<number, string>();

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  step(): string {
    const name = this.random.pick(Object.keys(this.actions) as (keyof Program['actions'])[]);
    this.actions[name]();
    this.check(name);
    return name;
  }

  private readonly actions = {
    make: () => { this.tab.pendingOps.push({id: ++this.made}); },
    send: () => {
      const {tab} = this;
      if (tab.opsAwaitingReset || tab.inflightOp || !tab.pendingOps.length) return;
      tab.inflightOp = tab.pendingOps.shift()!;
      for (const sent of [tab.inflightOp, ...takeRun(tab, this.random.below(4))]) sent.seq ??= ++this.seq;
    },
    loseConnection: () => {
      const {tab} = this;
      if (tab.inflightOp) tab.pendingOps.unshift(tab.inflightOp);
      tab.inflightOp = null;
    },
    place: () => {
      const {tab} = this;
      const [next] = unsentOf(tab);
      const rev = (tab.rev ?? 0) + 1;
      if (next?.seq !== undefined && !tab.opsAwaitingReset) expect(place(tab, {rev, v: tab.version, seq: next.seq})).to.equal(next);
    },
    placeUnknown: () => {
      const {tab} = this;
      if (!tab.opsAwaitingReset) expect(place(tab, {rev: (tab.rev ?? 0) + 1, v: tab.version, seq: 1000})).to.equal(undefined);
    },
    advance: () => {
      const {tab} = this;
      if (tab.rev === null) return;
      const v = (tab.version ?? 0) + this.random.below(2);
      advance(tab, {rev: tab.rev + 1, v, ...(this.random.below(2) && {clean: true})});
      tab.version = v;
    },
    answer: () => { this.leave('answered', settle(this.tab, new Set(this.tab.unsettled.slice(0, this.random.below(3)).map(({seq}) => seq!)))); },
    answerOne: () => {
      const {unsettled} = this.tab;
      if (unsettled.length) this.leave('answered', settle(this.tab, new Set([this.random.pick(unsettled).seq!])));
    },
    takeBack: () => { takeBack(this.tab, this.tab.inflightOp?.seq ?? 0); },
    rollBack: () => { rollBack(this.tab); },
    reset: () => {
      const {tab} = this;
      const {opsAwaitingReset: all} = tab;
      if (!all) return;
      const seqs = all.flatMap(({seq}) => seq ?? []);
      const some = (): number[] => seqs.filter(() => this.random.below(2) === 0);
      const {kept, ended} = afterReset(all, some().map(seq => ({seq})), some());
      Object.assign(tab, {opsAwaitingReset: undefined, unsettled: [...kept, ...tab.unsettled], rev: 1, version: 1});
      this.leave('reset', ended.map(one => one.op));
    },
    takeAll: () => { this.leave('taken', takeAll(this.tab).ops); },
    sendAllAgain: () => { if (!this.tab.opsAwaitingReset) sendAllAgain(this.tab); },
    returnTo: () => {
      const {tab} = this;
      this.actions.loseConnection();
      if (tab.rev !== null) returnTo(tab, tab.rev, tab.unsettled.slice(this.random.below(tab.unsettled.length + 1)));
    }
  };

  private leave(how: string, ops: Iterable<Op>): void {
    for (const {id} of ops) {
      expect(this.left.has(id), `op ${id} leaves twice`).to.equal(false);
      this.left.set(id, how);
    }
  }

  private check(name: string): void {
    const {tab} = this;
    const ids = unansweredOf(tab).map(({id}) => id);
    expect(ids, `after ${name}, the ops are in the order in which they were made, none twice`).to.eql([...new Set(ids)].sort((a, b) => a - b));
    expect(ids.length + this.left.size, `after ${name}, no op is forgotten`).to.equal(this.made);
    expect(notAtHostOf(tab).length + tab.unsettled.length).to.equal(ids.length);
    expect(tab.unsettled.every(({seq}) => seq !== undefined), `after ${name}, only sent ops have a place`).to.equal(true);
    const sent = tab.inflightOp ? tab.pendingOps.slice(0, tab.run) : [];
    expect(sent.every(({seq}) => seq !== undefined), `after ${name}, the ops of the run have been sent`).to.equal(true);
    if (tab.isMixed && !tab.opsAwaitingReset) expect(madeAtOf(tab)).to.equal(undefined);
  }
}

describe('random programs of a tab\'s ops', () => {
  it('keep each op in one place and in order until it has ended once', () => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 1000; seed++) {
      const program = new Program(seed);
      const steps: string[] = [];
      try {
        for (let i = 0; i < 40; i++) steps.push(program.step());
      } catch (error) {
        (error as Error).message += ` (seed ${seed}: ${steps.join(', ')})`;
        throw error;
      }
      for (const how of program.left.values()) ends.add(how);
    }
    expect([...ends].sort()).to.eql(['answered', 'reset', 'taken']);
  });
});
