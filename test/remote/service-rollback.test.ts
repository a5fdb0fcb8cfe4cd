import {expect} from 'chai';
import {logger} from 'sharedb/lib/client/index.js';
import {service} from '../../lib/remote.js';
import type {ServiceHost} from '../../lib/services/service-types.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {ServiceStage} from './service-stage.js';

// The server reports each op that it refuses.
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Data = Record<string, number>;

/** Why the server refuses an op, and what the host then does. */
const REFUSALS = {
  'its op and everything that the server does not have': 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT',
  'its op alone': 'ERR_REFUSED'
};

/** Adds a word that the server refuses, waits, and adds another one. */
class Words {
  proceed: (() => void) | undefined;

  constructor(private readonly doc: ServiceHost['connection'] extends {get(collection: string, id: string): infer Doc} ? Doc : never) {}

  async add(...words: string[]): Promise<string[]> {
    for (const word of words) {
      if (word !== words[0]) await new Promise<void>(resolve => this.proceed = resolve);
      this.doc.submitOp([{p: [word], oi: 1}], {}, () => {});
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

  for (const mode of ['port', 'broadcast', 'memory'] as const) for (const [what, code] of Object.entries(REFUSALS)) {
    it(`shows what its service shows, after the host took back ${what}: ${mode}`, async () => {
      let words!: Words;
      stage = new ServiceStage({mode, services: {words: async ({connection}) => {
        const doc = connection.get('docs', 'one');
        doc.on('error', () => {});
        await settled(done => doc.subscribe(done));
        return (words = new Words(doc));
      }, other: () => ({ping() {}})}});
      let isAway = false;
      stage.backend.use('receive', (_context, next) => (isAway ? stage.disconnect() : next()));
      stage.backend.use('submit', (context, next) => {
        if (!JSON.stringify(context.op).includes('refused')) return next();
        // The answer arrives. Nothing after it does.
        next(Object.assign(new Error('refused'), {code}));
        isAway = true;
      });
      const connection = stage.tab();
      const doc = await stage.doc<Data>(connection, 'one', {first: 1});
      doc.on('error', () => {});
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
      if (code !== 'ERR_REFUSED') expect(shown).to.eql({});
      isAway = false;
      stage.reconnect();
      const [added, read] = await Promise.all([adding, reading]);
      expect(shown['adding']).to.include.members(added);
      expect(shown['adding']!.includes('refused')).to.equal(added.includes('refused'));
      expect(shown['reading']).to.include.members(read);
      expect(read.includes('own'), 'the service sees its caller\'s op').to.equal(shown['reading']!.includes('own'));
      await until('all show the same', () => Object.keys(doc.data!).sort().join() === words.all().sort().join());
      expect(words.all()).to.not.include('refused');
    });
  }
});
