import {once} from 'node:events';
import {createServer, type Server} from 'node:http';
import {MessageChannel} from 'node:worker_threads';
import {expect} from 'chai';
import Backend from 'sharedb';
import {causeOf, findUnreportedTrouble} from '../../lib/election/worker-diagnosis.js';
import {Host} from '../../lib/host.js';
import {createConnection, ProxyConnection, type ConnectOptions} from '../../lib/index.js';
import {joinNamespace} from '../../lib/inspector.js';
import {presentUsers} from '../../lib/presence.js';
import {UndoManager} from '../../lib/undo.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {startHost} from '../../lib/worker.js';
import {listen} from '../server/sharedb-server.js';
import {until} from '../waiting/until.js';
import {TabModesStage} from './tab-modes-stage.js';

type Failure = Error & {code?: string};

const failureOf = (call: () => unknown): Failure => {
  try {
    call();
  } catch (error) {
    return error as Failure;
  }
  return new Error('nothing was thrown');
};

describe('a mistake of an app is named in an error', () => {
  for (const [options, says] of [
    [{urll: 'wss://example.com'}, 'createConnection: there is no option urll. Did you mean url?'],
    [{url: 'wss://example.com', sharedworker: () => {}}, 'createConnection: there is no option sharedworker. Did you mean sharedWorker?'],
    [{url: 'wss://example.com', xyz: 1}, 'createConnection: there is no option xyz'],
    [{url: 'wss://example.com', store: {durabilty: 'strict'}}, 'createConnection({store}): there is no option durabilty. Did you mean durability?'],
    [{url: 'wss://example.com', serverTimeouts: {helo: 1}}, 'createConnection({serverTimeouts}): there is no option helo. Did you mean hello?'],
    [{url: 'wss://example.com', store: 'written'}, 'createConnection({store}) takes an object with options'],
    [{url: 'wss://example.com', connect: () => {}}, 'createConnection: there is no option connect'],
    ['wss://example.com', 'createConnection takes an object with options'],
    [5, 'createConnection takes an object with options'],
    [{url: 'wss://example.com', warn: true}, 'createConnection: option warn takes a function of a message and a detail']
  ] as const) {
    it(`in createConnection: ${JSON.stringify(options)}`, () => {
      const {code, message} = failureOf(() => createConnection(options as object as ConnectOptions));
      expect([code, message]).to.eql(['ERR_TABS_BAD_OPTION', says]);
    });
  }

  for (const [options, says] of [
    [{type: []}, 'startHost: there is no option type. Did you mean types?'],
    [{store: {cypher: {}}}, 'startHost({store}): there is no option cypher'],
    [{store: {maxage: 1}}, 'startHost({store}): there is no option maxage. Did you mean maxAge?'],
    [{serverTimeouts: {helo: 1}}, 'startHost({serverTimeouts}): there is no option helo. Did you mean hello?'],
    [null, 'startHost takes an object with options'],
    ['wss://example.com', 'startHost takes an object with options'],
    [{types: {apply() {}}}, 'startHost: option types takes an array of OT types, e.g. [richText.type]'],
    [{types: [{type: {}}]}, 'startHost: option types takes an array of OT types, e.g. [richText.type]'],
    [{url: 8080}, 'startHost: option url takes a non-empty string or a function that returns one'],
    [{url: ''}, 'startHost: option url takes a non-empty string or a function that returns one'],
    [{namespace: ''}, 'startHost: option namespace takes a non-empty string'],
    [{build: 5}, 'startHost: option build takes a string'],
    [{authorize: 'bearer'}, 'startHost: option authorize takes a function of url and token'],
    [{needsToken: 'yes'}, 'startHost: option needsToken takes true or false'],
    [{allowFaults: 'yes'}, 'startHost: option allowFaults takes true or false'],
    [{connect: {}}, 'startHost: option connect takes a function that returns a ShareDB Connection'],
    [{isTransient: true}, 'startHost: option isTransient takes a function of an error'],
    [{queries: null}, 'Option queries takes an object with a function `matches`, and perhaps `compare` and `select`'],
    [{serverTimeouts: 5}, 'startHost: option serverTimeouts takes an object with options'],
    [{serverTimeouts: {hello: '5 s'}}, 'startHost({serverTimeouts}): option hello takes a number of milliseconds above 0'],
    [{store: true}, 'startHost: option store takes false or an object with options'],
    [{store: 'written'}, 'startHost: option store takes false or an object with options'],
    [{store: {durability: 'high'}}, "startHost({store}): option durability takes 'delayed', 'written' or 'strict'"],
    [{store: {resume: 'op'}}, "startHost({store}): option resume takes 'snapshot' or 'ops'"],
    [{store: {maxAge: '1d'}}, 'startHost({store}): option maxAge takes a number of milliseconds above 0'],
    [{store: {maxSize: 0}}, 'startHost({store}): option maxSize takes a number of bytes above 0'],
    [{store: {cipher: 'secret'}}, 'startHost({store}): option cipher takes an object with the functions encrypt and decrypt, such as aesGcm(key)'],
    [{store: {name: 5}}, 'startHost({store}): option name takes a non-empty string'],
    [{store: {storage: {}}}, 'startHost({store}): option storage takes an object with the methods of Storage, such as new IndexedDbStorage()'],
    [{services: {}, serviceOptions: {handler: []}}, 'startHost({serviceOptions}): there is no option handler. Did you mean handlers?']
  ] as const) {
    it(`in startHost: ${JSON.stringify(options)}`, () => {
      const {code, message} = failureOf(() => startHost(options as never));
      expect([code, message]).to.eql(['ERR_TABS_BAD_OPTION', says]);
    });
  }

  for (const [options, says] of [
    [{chanel: memoryChannels()}, 'ProxyConnection: there is no option chanel. Did you mean channel?'],
    [{url: 'wss://example.com'}, 'ProxyConnection: there is no option url']
  ] as const) {
    it(`in new ProxyConnection: ${Object.keys(options).join()}`, () => {
      const {code, message} = failureOf(() => new ProxyConnection(options as never));
      expect([code, message]).to.eql(['ERR_TABS_BAD_OPTION', says]);
    });
  }

  for (const [options, says] of [
    [{chanel: memoryChannels()}, 'Host: there is no option chanel. Did you mean channel?'],
    [{store: {durabilty: 'strict'}}, 'Host({store}): there is no option durabilty. Did you mean durability?'],
    [{store: {durability: 'high'}}, "Host({store}): option durability takes 'delayed', 'written' or 'strict'"],
    [{store: true}, 'Host: option store takes false or an object with options'],
    [{channel: 5}, 'Host: option channel takes a function that opens a channel by its name'],
    [{warn: 5}, 'Host: option warn takes a function of a message and a detail'],
    [{connection: undefined}, 'Host: option connection takes a ShareDB Connection, for example backend.connect()'],
    [{connection: new Backend()}, 'Host: option connection takes a ShareDB Connection, for example backend.connect()']
  ] as const) {
    it(`in new Host: ${Object.keys(options).join()} ${options === undefined ? '' : typeof Object.values(options)[0]}`, () => {
      const {code, message} = failureOf(() => new Host({connection: new Backend().connect(), store: false, ...options} as never));
      expect([code, message]).to.eql(['ERR_TABS_BAD_OPTION', says]);
    });
  }

  for (const [title, call, says] of [
    ['joinNamespace', () => joinNamespace({name: 'notes'} as object), 'joinNamespace: there is no option name. Did you mean namespace?'],
    ['presentUsers', () => presentUsers(new Backend().connect() as never, 'notes', {userof: String} as object), 'presentUsers: there is no option userof. Did you mean userOf?'],
    ['presentUsers, without a connection', () => presentUsers('notes' as never, 'notes'), 'presentUsers: the first argument must be a connection'],
    ['UndoManager', () => new UndoManager(new Backend().connect().get('notes', 'one') as never, {scop: 'tab'} as object), 'UndoManager: there is no option scop. Did you mean scope?']
  ] as const) {
    it(`in ${title}`, () => {
      expect(failureOf(call).message).to.equal(says);
    });
  }

  it('in createConnection: a ShareDB Connection instead of a backend', async () => {
    const connection = createConnection(new Backend().connect() as never, {store: false, warn() {}});
    const [error] = await once(connection, 'error') as [Failure];
    connection.close();
    expect(error.code).to.equal('ERR_TABS_NO_HOST');
    expect(error.message).to.include('createConnection takes a ShareDB backend or a WebSocket, and not a ShareDB Connection');
  });

  it('if neither the page nor the worker has the url of the server: both options are named, and requests are answered', async () => {
    const scope = globalThis as {onconnect?: ((event: {ports: unknown[]}) => void) | null};
    scope.onconnect = null;
    startHost();
    const {port1, port2} = new MessageChannel();
    scope.onconnect!({ports: [port2]});
    for (const name of ['SharedWorker', 'WorkerGlobalScope']) Object.defineProperty(globalThis, name, {value: class {}, configurable: true});
    const warnings: string[] = [];
    const connection = createConnection({
      sharedWorker: () => ({port: port1, onerror: null}) as unknown as SharedWorker, namespace: 'no server', warn: text => warnings.push(text)
    });
    try {
      const errors: Failure[] = [];
      connection.on('error', error => errors.push(error));
      const asked = connection.get('notes', 'one').subscribe().then(() => undefined, (error: Failure) => error);
      const error = await asked;
      expect(error!.code).to.equal('ERR_TABS_NO_HOST');
      expect(error!.message).to.include('createConnection({url})').and.to.include('startHost({url})');
      await until('it is an event too', () => errors.length > 0);
      expect(errors.map(({code}) => code)).to.eql(['ERR_TABS_NO_HOST']);
      await until('the console has it', () => warnings.length > 0);
      expect(warnings[0]).to.include('startHost({url})');
    } finally {
      connection.close();
      port1.close();
      delete scope.onconnect;
      for (const name of ['SharedWorker', 'WorkerGlobalScope']) delete (globalThis as Record<string, unknown>)[name];
    }
  });
});

describe('a mistake in a function that creates a worker', () => {
  let stage: TabModesStage;
  let warnings: string[];
  const warn = (text: string, detail: unknown): void => void warnings.push(`${text} ${detail === undefined ? '' : String(detail)}`);

  beforeEach(() => {
    stage = new TabModesStage();
    warnings = [];
  });
  afterEach(() => stage.close());

  const silentWorker = {postMessage() {}, terminate() {}, onerror: null as ((event: object) => void) | null, onmessage: null};

  for (const [title, sharedWorker] of [
    ['returns nothing', () => {}], ['is async', () => Promise.resolve()], ['returns a Worker', () => silentWorker]
  ] as const) {
    it(`sharedWorker ${title}: there is a warning, and another mode is used`, async () => {
      const tab = stage.open({sharedWorker: sharedWorker as never, warn});
      await until('another mode is used', () => tab.modes.length > 0);
      expect(tab.connection.mode).to.equal('elected-tab');
      await until('there is a warning', () => warnings.length > 0);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.include('WARN_TABS_WORKER').and.to.include('sharedWorker returned none');
    });
  }

  for (const [title, worker, says] of [
    ['returns nothing', () => {}, 'the option worker returned no Worker'],
    ['throws', () => { throw new Error('blocked'); }, 'It could not be created: blocked'],
    ['has a wrong path', () => {
      setImmediate(() => silentWorker.onerror!({}));
      return silentWorker;
    }, 'Its script could not be loaded or parsed'],
    ['has a script that throws', () => {
      setImmediate(() => silentWorker.onerror!({message: 'x is not defined', filename: 'worker.js', lineno: 3}));
      return silentWorker;
    }, 'Its script failed: x is not defined (worker.js:3)']
  ] as const) {
    it(`worker ${title}: there is one warning, and the page is the host`, async () => {
      const tab = stage.open({mode: 'elected-tab', worker: worker as never, warn});
      await until('the page is the host', () => tab.connection.hostState === 'connected');
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.include('WARN_TABS_WORKER').and.to.include(says);
    });
  }
});

/** The part that needs a browser is in test/karma/fallback.test.ts. */
describe('the cause of a worker that does not serve', () => {
  let server: Server;
  let url: string;
  const files: Record<string, [type: string, text: string]> = {
    '/page.js': ['text/html', '<!doctype html>'],
    '/module.js': ['text/javascript', "import {startHost} from 'sharedb-tabs/worker';\nstartHost();"],
    '/minified.js': ['text/javascript', 'import{a as t}from"./chunk.js";t();'],
    '/broken.js': ['text/javascript', 'let = 5;'],
    '/empty.js': ['text/javascript', 'console.log("hello");'],
    '/bundle.js': ['text/javascript', '(()=>{self.onconnect=()=>{};const t="sharedb-tabs:ready"})()']
  };

  before(async () => {
    server = createServer((request, response) => {
      const [type, text] = files[request.url!] ?? [];
      response.writeHead(type ? 200 : 404, {'content-type': type ?? 'text/plain'}).end(text);
    });
    url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  let made = 0;
  const create = (name: string, options?: object) => () => {
    const {SharedWorker: Worker} = globalThis as unknown as {SharedWorker: new (...args: unknown[]) => SharedWorker};
    return new Worker(new URL(name, url), options);
  };
  beforeEach(() => {
    made = 0;
    Object.defineProperty(globalThis, 'SharedWorker', {value: class { constructor() { made++; } }, configurable: true, writable: true});
  });
  afterEach(() => {
    // The check did not start anything.
    expect(made).to.equal(0);
    delete (globalThis as {SharedWorker?: unknown}).SharedWorker;
  });

  for (const [name, options, says] of [
    ['/missing.js', undefined, /missing\.js answers with status 404: check the path/],
    ['/page.js', undefined, /page\.js is served as text\/html and not as JavaScript/],
    ['/module.js', undefined, /pass \{type: 'module'\} to new SharedWorker/],
    ['/minified.js', {name: 'sharedb'}, /pass \{type: 'module'\} to new SharedWorker/],
    ['/broken.js', {type: 'module'}, /or one of its imports could not be loaded or parsed/]
  ] as const) {
    it(`is reported for ${name}`, async () => {
      expect(await causeOf(create(name, options), {kind: 'load', reason: 'x'})).to.match(says);
    });
  }

  it('is found if the browser does not report it: no code of a host, or no script', async () => {
    const names = ['/empty.js', '/bundle.js', '/module.js', '/minified.js', '/missing.js', '/page.js'];
    const found = await Promise.all(names.map(name => findUnreportedTrouble(create(name))));
    expect(found.map(trouble => trouble?.kind)).to.eql(['idle', undefined, undefined, undefined, 'load', 'load']);
  });

  it('includes the file if the worker has not answered', async () => {
    expect(await causeOf(create('/module.js', {type: 'module'}), {kind: 'silence', reason: 'No host has answered within 5000 ms'}))
      .to.include('/module.js').and.to.include('Call startHost()');
  });

  it('is incomplete if the script can\'t be fetched', async () => {
    const elsewhere = () => new SharedWorker('http://127.0.0.1:1/worker.js');
    expect(await causeOf(elsewhere, {kind: 'load', reason: 'x'})).to.include('127.0.0.1:1/worker.js');
  });
});
