import {expect} from 'chai';
import {Random} from '../support/random.js';
import {record} from './contract.js';
import {PairStage} from './pair-stage.js';
import {twoConnections, twoTabs} from './pairs.js';
import {Recording, type Doc} from './recording.js';
import {COLLECTION, type ContractStage} from './stage.js';
import {direct, fallback, proxy} from './subjects.js';

const COUNT = Number(process.env['PROGRAMS'] ?? 300);
const FIRST = Number(process.env['SEED'] ?? 1);
/** The host answers sooner than the server, so nothing is pending in between. */
const OPTIONS = {exceptPending: 'the host answers in between'};
const NO = {code: 'ERR_NO', message: 'The app says no'};

type Data = {n: number; text: string; list: number[]};
interface Snapshot {
  v: number;
  type: string | null;
  data?: unknown;
}

/** One call of the recorded client, or an event around it. Random choices are made in advance, so that all subjects do the same. */
type Step = (program: Program) => unknown;

/** What a program can use while it runs. */
interface Program {
  stage: ContractStage;
  doc: Doc;
  remote: Doc;
  says: ((...args: any[]) => void) | undefined;
  /** Earlier snapshots of the server. */
  snapshots: Snapshot[];
  refuses: boolean;
}

const ops: ((data: Data) => object[])[] = [
  () => [{p: ['n'], na: 1}],
  ({text}) => [{p: ['text', text.length], si: 'x'}],
  ({text}) => (text ? [{p: ['text', 0], sd: text[0]}] : []),
  ({list}) => [{p: ['list', list.length], li: 7}, {p: ['n'], na: 10}],
  ({list}) => (list.length ? [{p: ['list', 0], ld: list[0]}] : [])
];
const copyOf = (snapshot: Snapshot): Snapshot => JSON.parse(JSON.stringify(snapshot)) as Snapshot;
const fresh = (n: number): Data => ({n, text: 'ab', list: []});
/** The call is also made without a document, and then gets its error. */
const opFor = (doc: Doc, make: (data: Data) => object[]): object[] => make(doc.type ? doc.data as Data : fresh(0));

/** Requests of the client: one per turn, because the host answers some sooner than the server. */
const REQUESTS: ((random: Random) => Step)[] = [
  () => ({doc, says}) => void doc.subscribe(says),
  () => ({doc, says}) => void doc.subscribe(says),
  () => ({doc, says}) => void doc.unsubscribe(says),
  () => ({doc, says}) => void doc.fetch(says)
];
const create = (random: Random): Step => {
  const n = random.below(100);
  return ({doc, says}) => void doc.create(fresh(n), 'json0', says);
};
const submitOp = (random: Random): Step => {
  const make = random.pick(ops);
  return ({doc, says}) => void doc.submitOp(opFor(doc, make), says);
};
const del = (): Step => ({doc, says}) => void doc.del(says);
const ingest = (random: Random): Step => {
  const back = random.below(2);
  return ({doc, snapshots}) => void doc.ingestSnapshot(copyOf(snapshots.at(-1 - back) ?? {v: 0, type: null}) as never);
};
/** Writes of the client in a turn. */
const CHANGES = [create, submitOp, submitOp, submitOp, submitOp, del];
/** Writes right after a state was ingested. */
const CHANGES_OF_INGESTED = [submitOp, submitOp, del];
/** Actions of the remote client and of the server. */
const NEWS: ((random: Random) => Step)[] = [
  random => {
    const make = random.pick(ops);
    return ({remote}) => { if (remote.type) void remote.submitOp(opFor(remote, make)); };
  },
  () => ({remote}) => { if (!remote.type) void remote.create(fresh(1)); },
  () => ({doc, remote}) => { if (remote.type && doc.subscribed) void remote.del(); },
  () => program => { program.refuses = true; },
  () => async ({stage: {away, back}}) => {
    await away();
    await back();
  }
];

/**
 * Turns with one to three calls, with a request, or with an action of others. Each turn waits until all is quiet.
 * @param otherDoc the document of the client that writes beside the recorded one
 */
function script(seed: number, otherDoc: (stage: ContractStage) => Doc = ({remote}) => remote.get(COLLECTION, 'one') as Doc): (stage: ContractStage) => Promise<void> {
  const random = new Random(seed);
  const preventCompose = random.below(4) === 0;
  const turns = Array.from({length: 4 + random.below(8)}, () => {
    const kind = random.pick(['news', 'request', 'ingested', 'changes', 'changes', 'changes'] as const);
    const makers = {
      news: [random.pick(NEWS)],
      request: [random.pick(REQUESTS)],
      ingested: [ingest, ...Array.from({length: random.below(3)}, () => random.pick(CHANGES_OF_INGESTED))],
      changes: Array.from({length: 1 + random.below(3)}, () => random.pick(CHANGES))
    }[kind];
    return {kind, calls: makers.map(make => ({step: make(random), isHeard: random.below(3) > 0}))};
  });
  return async stage => {
    const {calm} = stage;
    const remote = otherDoc(stage);
    remote.subscribe();
    await calm();
    const program: Program = {stage, doc: stage.doc(), remote, says: undefined, snapshots: [], refuses: false};
    program.doc.preventCompose = preventCompose;
    stage.refuse('submit', NO, () => program.refuses);
    for (const [t, {kind, calls}] of turns.entries()) {
      // If the op was made on less than the host knows, the host may give another reason.
      program.refuses &&= kind === 'changes' && program.doc.version === remote.version;
      for (const [i, {step, isHeard}] of calls.entries()) {
        program.says = isHeard ? stage.says(`call ${t}.${i}`) : undefined;
        const done = step(program);
        stage.note('after', `${t}.${i}`);
        if (kind === 'news') await done;
      }
      await calm();
      program.refuses &&= kind === 'news';
      if (remote.version !== null) program.snapshots.push(copyOf({v: remote.version, type: remote.type?.uri ?? null, data: remote.data}));
    }
  };
}

/** A client can't tell which of two requests is answered first, or which of two reasons an op is refused for. */
const withoutReasons = (lines: string[]): string[] => lines.map(line => line.replace(/<(\w+): [^>]*>/g, '<$1>'));

const replayWith = (seed: number): string => `replay with: SEED=${seed} PROGRAMS=1 npx mocha test/contract/random.test.ts\n`;

describe('contract: random programs', function () {
  this.timeout(300_000);

  for (const [name, subject] of Object.entries({'through the proxy': proxy, 'by the fallback': fallback})) {
    it(`have the same results ${name} as on a direct connection`, async () => {
      for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
        const [expected, actual] = [await record(direct, script(seed), OPTIONS), await record(subject, script(seed), OPTIONS)].map(withoutReasons);
        expect(actual, replayWith(seed)).to.eql(expected);
      }
    });
  }

  it('have the same results in a tab as in a client of its own, when another tab of the same host writes, too', async () => {
    const through = async (open: typeof twoTabs, seed: number): Promise<string[]> => {
      const stage = await PairStage.open(open, new Recording({exceptPending: true, exceptVersions: true}));
      try {
        await script(seed, () => stage.actorDoc())(stage);
        await stage.conclude();
        return withoutReasons(stage.recording.lines);
      } finally {
        stage.close();
      }
    };
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      expect(await through(twoTabs, seed), replayWith(seed)).to.eql(await through(twoConnections, seed));
    }
  });
});
