import {expect} from 'chai';
import {readFileSync, readdirSync} from 'node:fs';
import {dirname, join, relative, resolve, sep} from 'node:path';
import {fileURLToPath} from 'node:url';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));

/** Which room may import which: the table of lib/README.md. */
const MAY_IMPORT: Record<string, string[]> = {
  protocol: [],
  platform: [],
  ot: ['protocol'],
  broker: ['protocol', 'platform'],
  store: ['protocol', 'platform'],
  host: ['protocol', 'platform', 'ot', 'broker', 'store'],
  tab: ['protocol', 'platform', 'ot', 'broker'],
  tasks: ['platform'],
  connect: ['protocol', 'platform', 'tab', 'host', 'remote'],
  react: ['protocol', 'platform', 'tab'],
  presence: ['platform', 'tab'],
  // A panel of a page: it names the page's globals, too.
  inspector: ['protocol', 'tab'],
  queries: ['host'],
  undo: ['platform', 'ot', 'tab'],
  collections: ['protocol', 'platform', 'ot', 'tab'],
  remote: ['platform'],
  signals: ['remote']
};

const files = readdirSync(LIB, {recursive: true, encoding: 'utf8'}).filter(file => /(?<!\.d)\.ts$/.test(file));

function imports(file: string): {from: string; source: string}[] {
  const source = readFileSync(join(LIB, file), 'utf8');
  return [...source.matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g)].map(([, path]) => ({
    from: file,
    source: relative(LIB, resolve(LIB, dirname(file), path!))
  }));
}

const roomOf = (path: string): string => (path.includes(sep) ? path.split(sep)[0]! : 'entry');

describe('the rooms of the library', () => {
  it('import only what the table allows', () => {
    const forbidden = files.flatMap(imports).filter(({from, source}) => {
      const [here, there] = [roomOf(from), roomOf(source)];
      return here !== 'entry' && here !== there && !MAY_IMPORT[here]?.includes(there);
    });
    expect(forbidden).to.eql([]);
  });

  it('name globals of the browser in no other places than platform and connect', () => {
    const globals = /\b(?:window|document|navigator|localStorage|SharedWorker|BroadcastChannel|setTimeout|setInterval|indexedDB)\b/;
    const naming = files
      .filter(file => !['platform', 'connect', 'inspector', 'entry'].includes(roomOf(file)) && file !== join('store', 'indexed-db-storage.ts'))
      // Made from tasks/thread and platform: their names are in a string.
      .filter(file => file !== join('tasks', 'thread-text.ts'))
      .filter(file => globals.test(codeOf(readFileSync(join(LIB, file), 'utf8'))));
    expect(naming).to.eql([]);
  });
});

function codeOf(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '');
}
