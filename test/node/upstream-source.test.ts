import {expect} from 'chai';
import {createHash} from 'node:crypto';
import {readFileSync, readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';

const require = createRequire(import.meta.url);
const lib = fileURLToPath(new URL('../../lib', import.meta.url));

/** Each version of ShareDB that the library supports: `sharedb` and its aliases in package.json. */
const VERSIONS = ['sharedb', 'sharedb-6'];

/** A method of ShareDB that the library replaces by one that is written after it, or whose steps it relies on. */
interface Body {
  /** The folder of `lib` with the code that follows it, and a word that this code contains. */
  ours: [folder: string, word: string];
  /** What our code takes over, or relies on. */
  why: string;
  /** The hash of the method that our code was compared with, by ShareDB's major version. */
  known: Record<string, string>;
}

const BODIES: Record<string, Body> = {
  'connection Connection._setState': {
    ours: ['tab', '_setState'], why: 'the order in which queries, documents, presences and listeners learn of a state', known: {7: 'e8defc1a7ea55c58'}
  },
  'connection Connection._handleBulkMessage': {
    ours: ['tab', '_handleBulkMessage'], why: 'the way from an answer for many documents to each of them', known: {7: 'adaf112cdb01928d'}
  },
  'connection Connection.sendOp': {
    ours: ['tab', 'sendOp'], why: 'the fields of an op, and that the document is in the connection', known: {7: '5be41c3f40e53c19'}
  },
  'connection Connection._destroyDoc': {
    ours: ['tab', '_destroyDoc'], why: 'that it removes the document at once, whatever is pending', known: {7: 'ead090b9018e88c9'}
  },
  'query Query._onConnectionStateChanged': {
    ours: ['tab', 'query.sent'], why: 'when a query is sent again', known: {7: '943b1fa5a9a4f305'}
  },
  'doc Doc._hardRollback': {
    ours: ['host', 'rollBackHard'], why: 'the steps of a hard rollback, and the errors of its ops', known: {7: '77643b2265ee67c9'}
  },
  'doc Doc._submit': {
    ours: ['tab', 'WILL_FLUSH'], why: 'that it passes what _otApply throws to _hardRollback, and then only plans a flush', known: {7: 'dda1d46a5e9ce235', 6: '68a31ec767b2f077'}
  },
  'doc Doc._onConnectionStateChanged': {
    ours: ['tab', '_onConnectionStateChanged'], why: 'what a document does when its connection is there, or lost', known: {7: 'ac5d12bc6ce24dcc'}
  },
  'doc Doc._flushSubscribe': {
    ours: ['tab', '_flushSubscribe'], why: 'the answer to an unsubscribe without a connection', known: {7: 'cb2166a8de40a88d'}
  },
  'doc Doc._sendOp': {
    ours: ['host', 'doc.connection.seq++'], why: 'the identity of an op, and that nothing is composed into it once it is sent', known: {7: '50ebb759b0b0c42b'}
  },
  'doc Doc._clearInflightOp': {
    ours: ['tab', 'callEach(op, outcome)'], why: 'the order of callbacks, the next op, and "nothing pending"', known: {7: 'ba00005815579391'}
  },
  'presence/local-doc-presence LocalDocPresence._sendPending': {
    ours: ['tab', '_sendPending'], why: 'the messages of a presence in a document', known: {7: '43960a6369d51fab'}
  },
  'presence/remote-doc-presence RemoteDocPresence.receiveUpdate': {
    ours: ['tab', 'receiveUpdate'], why: 'which update of a presence counts', known: {7: '298074a1bf3fcce8'}
  },
  'presence/remote-doc-presence RemoteDocPresence._setPendingPresence': {
    ours: ['tab', '_setPendingPresence'], why: 'when a presence in a document is shown', known: {7: '62ae02f012b85f88'}
  },
  'presence/presence Presence._receiveUpdate': {
    ours: ['tab', '_receiveUpdate'], why: 'which updates are answers to this tab', known: {7: 'e2b47b81fc14f8d2'}
  },
  'presence/presence Presence.destroy': {
    ours: ['tab', 'presence.destroy'], why: 'that a presence which is destroyed twice calls back each time', known: {7: '2d292293b8ed2b76'}
  }
};

describe('code that the library has copied from sharedb', () => {
  for (const [place, {ours: [folder, word]}] of Object.entries(BODIES)) {
    it(`lib/${folder} contains the code that follows ${place}: ${word}`, () => {
      expect(sourcesOf(folder).some(source => source.includes(word))).to.equal(true);
    });
  }

  for (const name of VERSIONS) {
    const {version} = require(`${name}/package.json`) as {version: string};
    for (const [place, {ours: [folder, word], why, known}] of Object.entries(BODIES)) {
      it(`is up to date with ${place} of sharedb ${version}`, () => {
        const hash = hashOf(name, place);
        const major = version.split('.')[0]!;
        expect(hash, `
${place} of sharedb ${version} is not the method that lib/${folder} (${word}) was compared with. Our code follows it in this:
${why}. Look at what has changed in node_modules/${name}/lib/client, and take over what our code needs of it.
Then write in this file, for the major version ${major}, '${hash}'
`).to.equal(known[major] ?? known['7']);
      });
    }
  }

  it('does not depend on comments and white space', () => {
    expect(normalised('function f(a) {\n  // why\n  return a;  }')).to.equal(normalised('function f( a ) { return a; }'));
    expect(normalised('function f(a) { return a; }')).not.to.equal(normalised('function f(a) { return -a; }'));
  });
});

function hashOf(name: string, place: string): string {
  const [file, member] = place.split(' ') as [string, string];
  const {prototype} = require(`${name}/lib/client/${file}`) as {prototype: Record<string, unknown>};
  const method = prototype[member.split('.')[1]!];
  return createHash('sha256').update(normalised(String(method))).digest('hex').slice(0, 16);
}

/** The code of a function, as TypeScript prints it without comments. */
function normalised(code: string): string {
  const source = ts.createSourceFile('method.js', `(${code})`, ts.ScriptTarget.Latest);
  return ts.createPrinter({removeComments: true}).printFile(source).replace(/\s+/g, ' ');
}

const sources = new Map<string, string[]>();

/** The text of all files of a folder of `lib`. */
function sourcesOf(folder: string): string[] {
  let texts = sources.get(folder);
  if (!texts) {
    const files = readdirSync(join(lib, folder), {recursive: true, encoding: 'utf8'}).filter(file => file.endsWith('.ts'));
    sources.set(folder, (texts = files.map(file => readFileSync(join(lib, folder, file), 'utf8'))));
  }
  return texts;
}
