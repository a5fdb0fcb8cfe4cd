import {expect} from 'chai';
import {readFileSync, readdirSync} from 'node:fs';
import {dirname, join, relative, resolve, sep} from 'node:path';
import {fileURLToPath} from 'node:url';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));

/** The imports that each room may have: the table of lib/README.md. */
const MAY_IMPORT: Record<string, string[]> = {
  protocol: [],
  platform: [],
  ot: ['protocol'],
  broker: ['protocol', 'platform'],
  store: ['protocol', 'platform'],
  host: ['protocol', 'platform', 'ot', 'broker', 'store'],
  tab: ['protocol', 'platform', 'ot', 'broker'],
  services: ['protocol', 'platform', 'host', 'tab', 'remote'],
  options: ['protocol', 'platform', 'host', 'services'],
  election: ['protocol', 'platform', 'host', 'options', 'services'],
  connect: ['protocol', 'platform', 'tab', 'host', 'options', 'election'],
  tasks: ['platform'],
  react: ['protocol', 'platform', 'tab'],
  presence: ['platform', 'tab'],
  // A panel in a page. It uses the page's globals as well.
  inspector: ['protocol', 'platform', 'tab'],
  queries: ['host'],
  undo: ['protocol', 'platform', 'ot', 'tab'],
  collections: ['protocol', 'platform', 'ot', 'tab'],
  remote: ['platform'],
  signals: ['remote']
};

/**
 * Types of the API that refer to each other: a document to its connection, as in ShareDB; a collection to the transactions that it runs in,
 * and a transaction to the collections; a query to its documents.
 */
const PUBLIC_CIRCLES = [
  ['collections/run.ts', 'collections/shared-map.ts', 'collections/transaction.ts'],
  ['tab/doc/proxy-doc.ts', 'tab/linked-connection.ts', 'tab/presence/doc-presence.ts', 'tab/proxy-connection.ts', 'tab/query.ts']
].map(files => files.map(file => join(...file.split('/'))));

const files = readdirSync(LIB, {recursive: true, encoding: 'utf8'}).filter(file => /(?<!\.d)\.ts$/.test(file));

/** The imports of a file, including type imports. */
function imports(file: string): {from: string; source: string}[] {
  const source = readFileSync(join(LIB, file), 'utf8');
  return [...source.matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g)].map(([, path]) => ({
    from: file,
    source: relative(LIB, resolve(LIB, dirname(file), path!)).replace(/\.js$/, '.ts')
  }));
}

const roomOf = (path: string): string => (path.includes(sep) ? path.split(sep)[0]! : 'entry');

/** The strongly connected groups of nodes. */
function circles(nodes: Iterable<string>, next: (node: string) => Iterable<string>): string[][] {
  const reachable = (start: string): Set<string> => {
    const seen = new Set<string>();
    const open = [start];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const one of next(node)) {
        if (seen.has(one)) continue;
        seen.add(one);
        open.push(one);
      }
    }
    return seen;
  };
  const reach = new Map([...nodes].map(node => [node, reachable(node)]));
  const groups = [...reach].filter(([node, seen]) => seen.has(node))
    .map(([node, seen]) => [...seen].filter(other => reach.get(other)!.has(node)).sort());
  return [...new Map(groups.map(group => [group.join(), group])).values()];
}

describe('the rooms of the library', () => {
  it('import only what the table allows', () => {
    const forbidden = files.flatMap(imports).filter(({from, source}) => {
      const [here, there] = [roomOf(from), roomOf(source)];
      return here !== 'entry' && here !== there && !MAY_IMPORT[here]?.includes(there);
    });
    expect(forbidden).to.eql([]);
  });

  it('import each other in no circle', () => {
    expect(circles(Object.keys(MAY_IMPORT), room => MAY_IMPORT[room]!)).to.eql([]);
  });

  it('have no files that import each other in a circle, types included', () => {
    const graph = new Map(files.map(file => [file, imports(file).map(({source}) => source).filter(source => files.includes(source))]));
    expect(circles(files, file => graph.get(file)!)).to.eql(PUBLIC_CIRCLES);
  });

  it('name globals of the browser only in platform, and where tabs and workers start', () => {
    const globals = /\b(?:window|document|navigator|localStorage|SharedWorker|BroadcastChannel|setTimeout|setInterval|indexedDB)\b/;
    const naming = files
      .filter(file => !['platform', 'connect', 'election', 'options', 'inspector', 'entry'].includes(roomOf(file)) && file !== join('store', 'indexed-db-storage.ts'))
      // This file is generated from tasks/thread and platform: its imports are in a string.
      .filter(file => file !== join('tasks', 'thread-text.ts'))
      .filter(file => globals.test(codeOf(readFileSync(join(LIB, file), 'utf8'))));
    expect(naming).to.eql([]);
  });
});

/** The source without comments and texts. The expressions in template literals are code. */
function codeOf(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '')
    .replace(/`(?:[^`\\]|\\.)*`/g, template => (template.match(/\$\{[^}]*\}/g) ?? []).join(' '));
}
