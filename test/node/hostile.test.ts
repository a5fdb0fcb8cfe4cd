import {expect} from 'chai';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import {PROTOCOL_VERSION, greetingChannelName} from '../../lib/protocol/version.js';
import {Random} from '../support/random.js';
import {FakeClock, calm} from '../store/clock.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const SCRAPS = [
  undefined, null, 0, -1, 1.5, NaN, Infinity, 2 ** 60, true, '', 'x', '__proto__', 'constructor', 'toString', [], {}, [[]],
  {inc: 1, rev: 1}, {inc: 1, rev: null}, {inc: -1, rev: 'x'}, {__proto__: null}, {type: 'http://sharejs.org/types/JSONv0', data: 1},
  [{p: ['__proto__', 'polluted'], oi: 1}], [{p: ['nowhere', 0], na: 1}], [null], {length: 1, 0: {p: [], oi: 1}},
  [{seq: 2, step: {op: [{p: ['__proto__', 'polluted'], oi: 1}]}, x: {}}],
  [{c: 'docs', d: 'one', inc: 1, rev: 2, unsettled: [], unconfirmed: [{v: 1, op: [null]}, {v: -1, op: 1}], ops: [{seq: 1, step: {}, x: {}}]}],
  [{c: 'docs', d: 'one', inc: 1, rev: 2, unsettled: [], unconfirmed: [{v: 0}], ops: 7}],
  [{c: 'docs', d: 'one', inc: 1, rev: 1, unsettled: [], unconfirmed: [{src: 'nobody', seq: 2 ** 60, op: [null]}, {src: '__proto__', seq: 1}]}],
  [{rev: 1, op: [null]}, {}, null]
];
const ACTIONS = ['f', 's', 'u', 'bf', 'bs', 'bu', 'op', 'qf', 'qs', 'qu', 'nf', 'nt', 'p', 'ps', 'pu', 'pr', 'pp', 'hs', 'q',
  'tab.resume', 'doc.forget', 'doc.settled', 'doc.reset', 'doc.rollback', 'doc.positioned', 'doc.resend', 'connection.state', 'call', 'callback',
  'nonsense', '__proto__', 'constructor'];
const FIELDS = ['c', 'd', 'v', 'b', 'id', 'q', 'o', 'src', 'seq', 'op', 'create', 'del', 'x', 'ch', 'p', 'pv', 'at', 'docs',
  'callbackId', 'name', 'inc', 'rev', 'data', 'error', 'more', 'way'];
const NAMES = ['docs', 'one', '__proto__', 'constructor', 7, null];

/** An invalid message: some are nearly valid, some are not messages at all. */
function message(random: Random): unknown {
  if (random.below(10) === 0) return random.pick(SCRAPS);
  const made: Record<string, unknown> = {a: random.pick(ACTIONS)};
  for (const field of FIELDS) {
    if (random.below(2)) made[field] = field === 'c' || field === 'd' ? random.pick(NAMES) : random.pick(SCRAPS);
  }
  return made;
}

/** The last messages of both sides. An attacker of the same origin knows the next numbers from them. */
interface Overheard {
  session: string;
  name: string;
  next: number;
  nextOfHost: number;
}

function frame(random: Random, {session, next, nextOfHost}: Overheard): unknown {
  switch (random.below(8)) {
    case 0:
      return random.pick(SCRAPS);
    case 1:
      return {type: random.pick(['hello', 'here', 'welcome', 'refusal', 'absent', 'end', 'batch', '__proto__']), protocol: random.pick(SCRAPS)};
    case 2:
      return {
        type: 'hello', protocol: random.below(3), tabId: random.pick(['tab', '__proto__']), attempt: random.below(5), locked: true,
        generation: 0, session: random.pick([session, 'foreign/1'])
      };
    case 3:
      return {type: 'welcome', attempt: random.below(4), epoch: 'foreign', session: 'foreign/1'};
    case 4:
      return {type: 'end', session: random.pick([session, 'foreign/1']), from: random.pick(['host', 'tab']), reason: 'none'};
    case 5:
      return {type: 'batch', session, from: 'host', n: nextOfHost, ack: 0, messages: [text(message(random))]};
    default:
      return {
        type: 'batch', session: random.pick([session, session, session, 'foreign/1']), from: random.pick(['tab', 'tab', 'tab', 'host']),
        n: random.below(4) ? next : random.pick([1, 40, ...SCRAPS]), ack: random.pick([0, 0, 0, 0, 0, 99, -1, 'x']),
        messages: random.below(8) ? [text(message(random)), text(message(random))] : random.pick(SCRAPS)
      };
  }
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? 'not JSON {';
}

describe('malformed and hostile messages', () => {
  it('change nothing: 600 generated ones, on the greeting channel and on a tab\'s channel', async function() {
    this.timeout(120_000);
    const warnings: unknown[] = [];
    const warn = (...args: unknown[]): void => { warnings.push(args); };
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      const backend = new Backend();
      const memory = memoryChannels();
      const names = new Set<string>();
      const overheard: Overheard = {session: '', name: '', next: 1, nextOfHost: 1};
      const channel: OpenChannel = name => {
        names.add(name);
        const opened = memory(name);
        const post = opened.postMessage.bind(opened);
        opened.postMessage = data => {
          const batch = data as {type: string; from: string; session: string; n: number};
          if (batch.type === 'batch' && batch.from === 'tab') Object.assign(overheard, {name, session: batch.session, next: batch.n + 1});
          if (batch.type === 'batch' && batch.from === 'host' && name === overheard.name) overheard.nextOfHost = batch.n + 1;
          post(data);
        };
        return opened;
      };
      const host = new Host({connection: backend.connect(), channel, warn});
      const tabs = [new ProxyConnection({channel, warn}), new ProxyConnection({channel, warn})] as const;
      for (const tab of tabs) tab.on('error', () => {});
      const [one, two] = tabs.map(tab => tab.get('docs', 'one'));
      for (const doc of [one!, two!]) doc.on('error', () => {});
      await one!.create({n: 0});
      await two!.subscribe();
      for (let i = 0; i < 10; i++) {
        const attacker = memory(random.below(3) ? overheard.name : random.pick([...names]));
        attacker.postMessage(structuredCloneable(frame(random, overheard)));
        attacker.close();
        await one!.submitOp([{p: ['n'], na: 1}]);
      }
      await one!.fetch();
      await two!.fetch();
      expect(two!.data, `seed ${seed}`).to.eql({n: 10});
      expect(one!.data, `seed ${seed}`).to.eql({n: 10});
      expect(({} as {polluted?: unknown}).polluted, `seed ${seed}`).to.equal(undefined);
      for (const tab of tabs) tab.close();
      host.close();
    }
    expect(warnings).not.to.eql([]);
  });

  describe('that announce a host of a later generation', () => {
    const announce = (channel: OpenChannel, generation: number): void => {
      const attacker = channel(greetingChannelName('default'));
      attacker.postMessage({type: 'here', protocol: PROTOCOL_VERSION, epoch: 'nobody', generation});
      attacker.close();
    };

    it('are ignored if no host can have that generation', async () => {
      const backend = new Backend();
      const channel = memoryChannels();
      const host = new Host({connection: backend.connect(), channel});
      const tab = new ProxyConnection({channel});
      await tab.get('docs', 'one').create({n: 0});
      announce(channel, Number.MAX_SAFE_INTEGER);
      await tab.get('docs', 'one').submitOp([{p: ['n'], na: 1}]);
      const late = new ProxyConnection({channel});
      await late.get('docs', 'one').fetch();
      expect(late.get('docs', 'one').data).to.eql({n: 1});
      for (const each of [tab, late, host]) each.close();
    });

    it('delay the connection to the next host by a few seconds at most', async () => {
      const backend = new Backend();
      const channel = memoryChannels();
      const timers = new FakeClock();
      const first = new Host({connection: backend.connect(), channel});
      const tab = new ProxyConnection({channel, clock: {now: Date.now, after: timers.after}});
      const doc = tab.get('docs', 'one');
      await doc.create({n: 0});
      announce(channel, 2 ** 43 - 1);
      await first.whenClosed;
      const next = new Host({connection: backend.connect(), channel});
      const fetched = doc.fetch();
      for (let second = 0; second < 5; second++) {
        await calm();
        timers.pass(1000);
      }
      await fetched;
      await doc.submitOp([{p: ['n'], na: 1}]);
      expect(doc.data).to.eql({n: 1});
      for (const each of [tab, next]) each.close();
    });
  });
});

function structuredCloneable(data: unknown): unknown {
  return data === undefined ? undefined : structuredClone(data);
}
