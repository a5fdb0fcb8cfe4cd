import {expect} from 'chai';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Editor} from './editor.js';
import {createApp, runBin} from './package.js';
import {typedApp} from './typed-app.js';

const projects = {
  'a browser app with moduleResolution bundler': {
    module: 'esnext', moduleResolution: 'bundler', types: [], skipLibCheck: true
  },
  // Checks our declarations too. Those of sharedb speak of Node's streams and events.
  'a strict project with moduleResolution node16': {
    module: 'node16', moduleResolution: 'node16', types: ['node'], skipLibCheck: false
  }
};

describe('an app in TypeScript', function () {
  this.timeout(240_000);
  let app: string;

  before(async () => {
    app = await createApp('typed-app', []);
    await writeFile(join(app, 'app.ts'), typedApp);
  });

  for (const [title, options] of Object.entries(projects)) {
    it(`compiles as ${title}`, async () => {
      await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
        compilerOptions: {...options, target: 'es2022', lib: ['es2022', 'dom'], strict: true, noEmit: true},
        files: ['app.ts']
      }));
      await runBin(app, 'tsc', []);
    });
  }

  it("compiles without skipLibCheck if it has Node's types, which only the declarations of sharedb need", async () => {
    const compile = async (types: string[]): Promise<void> => {
      await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
        compilerOptions: {...projects['a browser app with moduleResolution bundler'], skipLibCheck: false, types, target: 'es2022', lib: ['es2022', 'dom'], strict: true, noEmit: true},
        files: ['app.ts']
      }));
      await runBin(app, 'tsc', []);
    };
    await compile(['node']);
    const {message} = await compile([]).then(() => new Error('it compiles'), (error: Error) => error);
    const errors = message.split('\n').filter(line => line.includes('error TS'));
    expect(errors).not.to.eql([]);
    for (const error of errors) expect(error).to.match(/node_modules\/@types\/sharedb\/.*module '(events|stream)'/);
  });

  describe('in an editor', () => {
    let editor: Editor;
    before(() => { editor = new Editor(app); });

    for (const [call, option, message] of [
      ["{url: 'wss://example.com', sharedWorker, nameSpace: 'user'}", 'nameSpace', "'nameSpace' does not exist in type 'ConnectOptions'. Did you mean to write 'namespace'?"],
      ["{url: 'wss://example.com', urll: 'wss://example.com'}", 'urll', "'urll' does not exist in type 'ConnectOptions'. Did you mean to write 'url'?"],
      ["{urll: 'wss://example.com'}", 'urll', "'urll' does not exist in type 'ConnectOptions'. Did you mean to write 'url'?"],
      ["{url: 'wss://example.com', hostTimeout: '5'}", 'hostTimeout', "Type 'string' is not assignable to type 'number'"],
      ["{url: 'wss://example.com', store: {durability: 'high'}}", 'durability', `Type '"high"' is not assignable to type 'StoreDurability | undefined'`],
      ["{url: 'wss://example.com', connect: () => 0}", 'connect', "'connect' does not exist in type 'ConnectOptions'"],
      ["{url: 'wss://example.com'}, {}", 'url', "Type 'string' is not assignable to type 'never'"],
      ['', 'createConnection', 'Expected 1-2 arguments, but got 0']
    ] as const) {
      it(`gets an error at the wrong option: createConnection(${call})`, () => {
        const found = editor.errors(`import {createConnection} from 'sharedb-tabs';\ndeclare const sharedWorker: () => SharedWorker;\nexport const c = createConnection(${call});`);
        expect(found.map(({at}) => at)).to.eql([option]);
        expect(found[0]!.message).to.include(message);
      });
    }

    it('sees the options of createConnection alone, each with a text', () => {
      const options = editor.completions("import {createConnection} from 'sharedb-tabs';\ncreateConnection({", '});').filter(({kind}) => /property|method/.test(kind));
      expect(options.map(({name}) => name)).to.include.members(['url', 'sharedWorker', 'namespace']).and.not.to.include('readyState').and.not.to.include('connect');
      expect(options.filter(({text}) => !text)).to.eql([]);
    });

    for (const [expression, internals] of [
      ['connection', ['handleMessage', 'hostClient', 'openCalls', 'isClosed', 'socket', '_presences', 'hasUnsentOps']],
      ['doc', ['wantSubscribe', 'inflightOp', 'pendingOps', 'hasUnsent', '_handleOp', 'inflightFetch']],
      ['query', ['_handleFetch']], ['presence', ['_subscriptionCallbacksBySeq']], ['local', ['_pendingMessages']],
      ['connection.status', []], ['connection.deadLetters', []], ['connection.quarantine', []]
    ] as const) {
      it(`sees the public members of ${expression} alone, each with a text`, () => {
        const members = editor.completions(`${OBJECTS}\n${expression}.`);
        expect(members.length).to.be.within(4, 65);
        expect(members.filter(({name}) => name.startsWith('_') || (internals as readonly string[]).includes(name))).to.eql([]);
        expect(members.filter(({text}) => !text)).to.eql([]);
      });
    }
  });
});

const OBJECTS = `
import {createConnection} from 'sharedb-tabs';
const connection = createConnection({url: 'wss://example.com'});
const doc = connection.get<{title: string}>('notes', 'one');
const query = connection.createSubscribeQuery<{title: string}>('notes', {});
const presence = connection.getPresence<{name: string}>('notes');
const local = presence.create('one');`;
