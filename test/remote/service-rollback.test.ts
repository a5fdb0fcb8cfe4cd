import {expect} from 'chai';
import {logger, types} from 'sharedb/lib/client/index.js';
import {service} from '../../lib/remote.js';
import type {ServiceHost} from '../../lib/services/service-types.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {ServiceStage} from './service-stage.js';

// The server reports each op that it refuses.
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Data = Record<string, number>;

type Op = readonly {readonly p: readonly string[]; readonly oi: number; readonly od?: unknown}[];

/** json0 that can't undo an op: the document becomes what it would be without a refused one. */
const oneWay = {...(types.map['json0'] as object), name: 'one-way', uri: 'http://example.com/one-way', invert: undefined};
types.register(oneWay as never);

/** Why the server refuses an op, and what the host then does. */
const REFUSALS: Record<string, {code: string; type?: string; of?(word: string): Op; isHard?: boolean}> = {
  'its op and everything that the server does not have': {code: 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT', isHard: true},
  'its op alone': {code: 'ERR_REFUSED'},
  // What such an op removed is not known before the server has sent its state.
  'its op alone, as the server\'s state tells': {code: 'ERR_REFUSED', of: word => [{p: [word], oi: 1, od: 'never there'}]},
  'its op alone, which no op undoes': {code: 'ERR_REFUSED', type: 'one-way'}
};

type ServiceDoc = ServiceHost['connection'] extends {get(collection: string, id: string): infer Doc} ? Doc : never;

/** Adds a word that the server refuses, waits, and adds another one. */
class Words {
  proceed: (() => void) | undefined;

  constructor(private readonly doc: ServiceDoc, private readonly of = (word: string): Op => [{p: [word], oi: 1}]) {}

  async add(...words: string[]): Promise<string[]> {
    for (const word of words) {
      if (word !== words[0]) await new Promise<void>(resolve => this.proceed = resolve);
      this.doc.submitOp(this.of(word) as never, {}, () => {});
    }
    return this.all();
  }

  all(): string[] {
    return Object.keys((this.doc.data as Data | undefined) ?? {});
  }
}

describe('a call of a service during a rollback without a server', function () {
  this.timeout(10_000);
  let stage: ServiceStage;
  afterEach(() => stage.close());

  for (const mode of ['port', 'broadcast', 'memory'] as const) for (const [what, {code, type = 'json0', of, isHard = false}] of Object.entries(REFUSALS)) {
    it(`shows the state of its service, after the host rolled back ${what}: ${mode}`, async () => {
      let words!: Words;
      stage = new ServiceStage({mode, services: {words: async ({connection}) => {
        const doc = connection.get('docs', 'one');
        doc.on('error', () => {});
        await settled(done => doc.subscribe(done));
        return (words = new Words(doc, of));
      }, other: () => ({ping() {}})}});
      let isAway = false;
      let wasAway = false;
      stage.backend.use('receive', (_context, next) => (isAway ? stage.disconnect() : next()));
      stage.backend.use('submit', (context, next) => {
        if (!JSON.stringify(context.op).includes('refused')) return next();
        // The answer arrives. Nothing after it does.
        next(Object.assign(new Error('refused'), {code}));
        isAway = !wasAway;
        wasAway = true;
      });
      const connection = stage.tab();
      const doc = await stage.doc<Data>(connection, 'one');
      doc.on('error', () => {});
      await settled(done => doc.create({first: 1}, type, done));
      const remote = service<Words>(connection, 'words');
      expect(await remote.all()).to.eql(['first']);

      const shown: Record<string, string[]> = {};
      const noted = async (name: string, call: PromiseLike<string[]>): Promise<string[]> => {
        const answer = await call;
        shown[name] = Object.keys(doc.data!);
        return answer;
      };
      const adding = noted('adding', remote.add('refused', 'later') as PromiseLike<string[]>);
      await until('the server has refused the op and is away', () => isAway && !!words.proceed);
      doc.submitOp([{p: ['own'], oi: 1}], {}, () => {});
      const reading = noted('reading', remote.all() as PromiseLike<string[]>);
      words.proceed!();
      // A tab and a service that do not follow the document go on. Other calls could have ended by then, too.
      await service<{ping(): void}>(stage.tab(), 'other').ping();
      if (isHard) expect(shown).to.eql({});
      isAway = false;
      stage.reconnect();
      const [added, read] = await Promise.all([adding, reading]);
      expect(shown['adding']).to.include.members(added);
      expect(shown['adding']!.includes('refused')).to.equal(added.includes('refused'));
      expect(shown['reading']).to.include.members(read);
      expect(read.includes('own'), 'the service sees its caller\'s op').to.equal(shown['reading']!.includes('own'));
      for (let isOver = false; !isOver;) {
        await new Promise(setImmediate);
        const shownThere = await remote.all();
        const shownHere = Object.keys(doc.data!);
        isOver = !shownThere.includes('refused');
        // A rollback that the service has seen, the tab has seen.
        if (isOver) expect(shownHere).to.have.members(shownThere);
        else expect(shownHere).to.include.members(shownThere.filter(word => word !== 'refused'));
      }
      expect(words.all()).to.not.include('refused');
    });
  }

  for (const mode of ['port', 'broadcast', 'memory'] as const) for (const [what, type, data] of [
    ['an op leads to', 'json0', {other: 1, second: 2}], ['no op leads to', 'one-way', {other: 1}]
  ] as const) {
    it(`shows the state of its service, when the server has another database's state that ${what}: ${mode}`, async () => {
      stage = new ServiceStage({mode, services: {words: async ({connection}) => {
        const doc = connection.get('docs', 'one');
        doc.on('error', () => {});
        await settled(done => doc.subscribe(done));
        return new Words(doc);
      }}});
      const connection = stage.tab();
      const doc = await stage.doc<Data>(connection, 'one', {first: 1});
      doc.on('error', () => {});
      const remote = service<Words>(connection, 'words');
      expect(await remote.all()).to.eql(['first']);
      stage.disconnect();
      stage.backend = stage.startBackend();
      const writer = stage.backend.connect();
      const theirs = writer.get('docs', 'one');
      await settled(done => theirs.create(data, (types.map[type] as {uri: string}).uri, done));
      const states = new Set<string>();
      const seen = async (): Promise<void> => {
        const shownThere = [...await remote.all()].sort().join();
        expect(Object.keys(doc.data ?? {}).sort().join()).to.equal(shownThere);
        states.add(shownThere);
      };
      await seen();
      stage.reconnect();
      // Versions do not tell the databases apart. A page that is loaded makes the host compare the state.
      const loaded = stage.doc<Data>(stage.tab(), 'one');
      const end = Object.keys(data).sort().join();
      await until('the new state is shown', async () => {
        await Promise.all([seen(), new Promise(setImmediate).then(seen), seen()]);
        return states.has(end);
      });
      expect([...states]).to.eql(['first', end]);
      await loaded;
      writer.close();
    });
  }
});
