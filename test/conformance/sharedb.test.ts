import {expect} from 'chai';
import {Connection} from 'sharedb/lib/client/index.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {excludedFrom, excludedOverPorts} from './excluded.js';
import {bridgeBackend, requireSharedb} from './bridge.js';

const SUITES = ['connection', 'doc', 'pending', 'snapshot-timestamp-request', 'snapshot-version-request',
  'presence/doc-presence-emitter', 'presence/doc-presence', 'presence/presence'];
const DB_SUITES = ['query-subscribe', 'query', 'projections', 'submit', 'submit-json1', 'subscribe'];

const broadcast: OpenChannel = name => new BroadcastChannel(name) as ReturnType<OpenChannel>;
const ROADS: Record<string, {channels: () => OpenChannel; hasPorts: boolean}> = {
  'BroadcastChannel': {channels: () => broadcast, hasPorts: false},
  'BroadcastChannel and MessagePort': {channels: () => broadcast, hasPorts: true},
  'channels in memory': {channels: () => memoryChannels(), hasPorts: false}
};

/** Another version than the installed `sharedb` is chosen with SHAREDB, see with-sharedb.mjs. */
const {version} = requireSharedb('./package.json') as {version: string};
const asked = /\d+$/.exec(process.env['SHAREDB'] ?? '')?.[0];
const excluded = excludedFrom(version);
const seen = new Set<string>();

requireSharedb('./test/setup');

for (const [name, {channels, hasPorts}] of Object.entries(ROADS)) {
  describe(`sharedb ${version} client tests over ${name}`, () => {
    let restore: () => void;
    beforeEach(() => {
      restore = bridgeBackend(channels, hasPorts);
    });
    afterEach(() => restore());
    withoutExcluded(title => excluded.has(title) || (hasPorts && excludedOverPorts.has(title)), () => {
      for (const suite of SUITES) load(`./test/client/${suite}`);
      describe('with a database', () => {
        beforeEach(function() {
          const Backend = requireSharedb('./lib/backend') as new (options: object) => {close(done: () => void): void};
          const MemoryDB = requireSharedb('./test/BasicQueryableMemoryDB') as new () => unknown;
          Object.assign(this, {db: new MemoryDB()});
          Object.assign(this, {backend: new Backend({db: (this as unknown as {db: unknown}).db})});
        });
        afterEach(function(done) {
          (this as unknown as {backend: {close(done: () => void): void}}).backend.close(done);
        });
        const getQuery = (options: {query: unknown; sort: unknown}): object => ({filter: options.query, sort: options.sort});
        for (const suite of DB_SUITES) (load(`./test/client/${suite}`) as (options: object) => void)({getQuery});
      });
    });
  });
}

describe(`sharedb ${version}`, () => {
  it('is the version that was asked for, and what the library runs on', () => {
    if (asked) expect(version).to.match(new RegExp(`^${asked}\\.`));
    expect((requireSharedb('./lib/client') as {Connection: unknown}).Connection).to.equal(Connection);
  });

  it('has every case that is excluded', () => {
    expect([...excluded.keys(), ...excludedOverPorts.keys()].filter(title => !seen.has(title))).to.eql([]);
  });
});

/** Test files register their cases when they are loaded, once; here they are wanted more than once. */
function load(file: string): unknown {
  delete requireSharedb.cache[requireSharedb.resolve(file)];
  return requireSharedb(file);
}

/** Leaves out what is excluded, by the titles of suites and test. */
function withoutExcluded(isExcluded: (title: string) => boolean, define: () => void): void {
  const scope = globalThis as unknown as {it: Mocha.TestFunction; describe: Mocha.SuiteFunction};
  const {it: realIt, describe: realDescribe} = scope;
  const path: string[] = [];
  scope.describe = Object.assign((title: string, body: (this: Mocha.Suite) => void) => realDescribe(title, function() {
    path.push(title);
    try {
      body.call(this);
    } finally {
      path.pop();
    }
  }), realDescribe) as Mocha.SuiteFunction;
  scope.it = Object.assign((title: string, body: Mocha.Func) => {
    const full = [...path, title].join(' > ');
    seen.add(full);
    if (!isExcluded(full)) realIt(title, body);
  }, realIt) as unknown as Mocha.TestFunction;
  try {
    define();
  } finally {
    Object.assign(scope, {it: realIt, describe: realDescribe});
  }
}
