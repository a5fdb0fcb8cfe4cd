import {createRequire} from 'node:module';

const require = createRequire(import.meta.url);
const mochaReporter = require.resolve('./mocha-reporter.cjs');

/** The path of a script of an installed package, for this version of Node. */
function script(name, path) {
  const manifest = require.resolve(`${name}/package.json`);
  return manifest.replace(/package\.json$/, path);
}

function mocha(...args) {
  // Some tests leave a connection behind that still waits for something, which keeps a process of Node alive.
  return [script('mocha', 'bin/mocha.js'), '--forbid-only', '--exit', '--reporter', mochaReporter, ...args];
}

/**
 * The suites. `args` are the arguments of `node`. `minutes` is the longest time that a suite may take before it is stopped and
 * counted as failed, also on a slow computer. A suite with `counts: false` is one check, whose exit code is the result. Suites with
 * `browsers: true` run in parallel with the others.
 */
export const suites = {
  typecheck: {
    title: 'lib, tests and examples compile',
    args: [script('typescript', 'bin/tsc'), '-p', 'tsconfig.json'],
    counts: false,
    minutes: 15
  },
  build: {
    title: 'lib compiles as it is published: without the types of Node',
    args: [script('typescript', 'bin/tsc'), '-p', 'tsconfig.build.json', '--noEmit'],
    counts: false,
    minutes: 15
  },
  lint: {
    title: 'the code keeps to its rules',
    args: [script('eslint', 'bin/eslint.js'), '.'],
    counts: false,
    minutes: 15
  },
  node: {
    title: 'unit tests in Node',
    args: mocha('test/node/**/*.test.ts', 'test/inspector/*.test.ts', 'test/ot/*.test.ts', 'test/store/*.test.ts'),
    minutes: 20
  },
  walks: {
    title: 'random walks in the simulator, as many as SEEDS says',
    args: mocha('test/node/random.test.ts', 'test/remote/service-walks.test.ts'),
    minutes: 40
  },
  ot: {
    title: 'pure rules against random ops, as many pairs as PAIRS says',
    args: mocha('test/ot/*.test.ts'),
    minutes: 30
  },
  conformance: {
    title: "ShareDB's own client tests, and the contract",
    args: mocha('test/conformance/*.test.ts', 'test/contract/*.test.ts'),
    minutes: 20
  },
  conformance6: {
    title: 'the same on sharedb 6',
    args: mocha('--node-option', 'import=./test/conformance/with-sharedb.mjs', 'test/conformance/*.test.ts', 'test/contract/*.test.ts'),
    env: {SHAREDB: 'sharedb-6'},
    minutes: 20
  },
  queries: {
    title: "results without a server against the server's own, in as many random worlds as WORLDS says",
    args: mocha('test/node/offline-query-worlds.test.ts'),
    minutes: 30
  },
  undo: {
    title: 'undo and redo, with random histories',
    args: mocha('test/undo/*.test.ts'),
    minutes: 30
  },
  react: {
    title: 'the React hooks, with React and a DOM in Node',
    args: mocha('test/react/*.test.ts'),
    minutes: 15
  },
  react18: {
    title: 'the same on React 18',
    args: mocha('--node-option', 'import=./test/react/with-react.mjs', 'test/react/*.test.ts'),
    env: {REACT: '18'},
    minutes: 15
  },
  collections: {
    title: 'shared collections and transactions, over several tabs, hosts and crashes',
    args: mocha('test/collections/*.test.ts'),
    minutes: 15
  },
  remote: {
    title: 'calls, streams and signals between contexts',
    args: mocha('--node-option', 'expose-gc', 'test/remote/*.test.ts'),
    minutes: 15
  },
  frames: {
    title: 'random frames of a hostile peer, as many as FRAMES says',
    args: mocha('test/remote/random-frames.test.ts'),
    minutes: 20
  },
  chaos: {
    title: 'tasks that go wrong, as many as CHAOS says',
    args: mocha('test/tasks/chaos.test.ts'),
    minutes: 20
  },
  histories: {
    title: 'random programs with shared collections, as many as HISTORIES says',
    args: mocha('test/collections/random*.test.ts'),
    minutes: 40
  },
  size: {
    title: "what a tab loads beside ShareDB's own client",
    args: mocha('test/size/*.test.ts'),
    minutes: 15
  },
  tasks: {
    title: 'functions on other threads, in Node',
    args: mocha('test/tasks/**/*.test.ts'),
    minutes: 20
  },
  karma: {
    title: 'real SharedWorkers in Chromium and Firefox',
    args: [script('karma', 'bin/karma'), 'start', 'karma.conf.js', '--single-run'],
    browsers: true,
    minutes: 20
  },
  tabs: {
    title: 'the example in real tabs of Chromium',
    args: mocha('test/tabs/**/*.test.ts'),
    browsers: true,
    minutes: 20
  },
  bindings: {
    title: 'editor bindings, unchanged, in real tabs of Chromium and Firefox',
    args: mocha('test/bindings/**/*.test.ts'),
    minutes: 20
  },
  engines: {
    title: 'what happens to tabs, workers, browsers and networks, in Chromium, Firefox and WebKitGTK',
    args: mocha('test/engines/**/*.test.ts'),
    minutes: 60
  },
  deployment: {
    title: 'two servers with PostgreSQL and Redis, and what can go wrong with them',
    args: mocha('test/deployment/*.test.ts'),
    minutes: 20
  },
  docs: {
    title: 'the documentation: links, code, and a text for each export',
    args: mocha('test/docs/*.test.ts'),
    minutes: 15
  },
  consumers: {
    title: 'the packed package in apps built with webpack, Vite and esbuild',
    args: mocha('test/consumers/**/*.test.ts'),
    minutes: 30
  }
};

/** The others are slow, or install from the npm registry: `npm run test:bindings` and so on, and CI. */
export const defaultSuites = ['typecheck', 'build', 'lint', 'node', 'conformance', 'conformance6', 'react', 'undo', 'collections', 'remote', 'tasks', 'size', 'karma', 'tabs'];
