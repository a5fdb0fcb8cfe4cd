/**
 * `npm run scale-out:load`: what browsers with several tabs cost the servers, against as many tabs with a connection each.
 * `-- 100 3 20`: the number of browsers, of tabs in each, and of edits for each team of ten. All parts run on this machine.
 */
import {createClient} from 'redis';
import {pagesFolder} from './build.js';
import {Deployment} from './deployment.js';
import {type LoadBrowser, openPlainBrowser, openSharedBrowser} from './load/clients.js';
import {Work, inTurns} from './load/work.js';
import type {ServerStats} from './server.js';
import {Tokens} from './tokens.js';

const [browsers = 500, tabs = 3, edits = 10] = process.argv.slice(2).map(Number);
const TEAM = 10;
const SECRET = 'a secret of the load test';

type Counts = Pick<ServerStats, 'messagesIn' | 'messagesOut' | 'bytesIn' | 'bytesOut' | 'cpu'>;

interface Result {
  /** MB more in all servers than before. */
  held: number;
  standing: ServerStats;
  opening: Counts;
  editing: Counts;
  reconnecting: Counts;
}

const deployment = await Deployment.start({pages: pagesFolder, secret: SECRET, spreadMs: 3000, logs: false});
const url = `${deployment.proxy.url.replace('http', 'ws')}sharedb`;
const tokens = new Tokens(SECRET);

/** The sums over all servers. */
async function stats(): Promise<ServerStats> {
  const all = await Promise.all(deployment.servers.map(server => server.stats()));
  return all.reduce((sum, one) => Object.fromEntries(
    Object.entries(sum).map(([name, value]) => [name, value + one[name as keyof ServerStats]])
  ) as unknown as ServerStats);
}

async function heldMemory(): Promise<number> {
  await Promise.all(deployment.servers.map(server => server.collect()));
  return (await stats()).memory;
}

async function measure(act: () => Promise<void>): Promise<Counts> {
  const before = await stats();
  await act();
  const after = await stats();
  const since = (name: keyof Counts): number => after[name] - before[name];
  return {messagesIn: since('messagesIn'), messagesOut: since('messagesOut'), bytesIn: since('bytesIn'), bytesOut: since('bytesOut'), cpu: since('cpu')};
}

async function run(name: string, open: typeof openPlainBrowser, count: number): Promise<Result> {
  const all: LoadBrowser[] = [];
  const users = Array.from({length: count}, (_, user) => user);
  const optionsOf = (user: number) => ({url, tabs, getToken: () => tokens.issue(`user${user}`, 'socket', 3600)});
  const work = new Work({run: name, browsers: count, team: TEAM});
  const author = openPlainBrowser({...optionsOf(0), tabs: 1});
  await work.createNotes(author.tabs[0]!);
  author.close();
  try {
    const memory = await heldMemory();
    const opening = await measure(() => inTurns(users, 20, async user => {
      all[user] = open(optionsOf(user));
      await work.open(all[user], user);
    }));
    const held = await heldMemory() - memory;
    const standing = await stats();
    const editing = await measure(() => work.edit(edits));
    const reconnecting = await measure(() => reconnectAll(work, standing));
    return {held, standing, opening, editing, reconnecting};
  } finally {
    for (const browser of all) browser?.close();
    await until(async () => (await stats()).open === 0);
  }
}

/** The servers lose their subscriptions, and close all sockets when they have them again. */
async function reconnectAll(work: Work, {open, streams}: ServerStats): Promise<void> {
  const {accepted} = await stats();
  const redis = await createClient({url: deployment.redis!.url}).connect();
  await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
  await redis.close();
  await until(async () => {
    const now = await stats();
    return now.accepted >= accepted + open && now.streams >= streams;
  });
  await work.untilAlike();
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; !(await condition());) {
    if (Date.now() > end) throw new Error('not within two minutes');
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

/** The means of all numbers in two results of the same form. */
function mean<Value extends object>(one: Value, other: Value): Value {
  return Object.fromEntries(Object.entries(one).map(([name, value]) => {
    const second = other[name as keyof Value];
    return [name, typeof value === 'number' ? (value + Number(second)) / 2 : mean(value as object, second as object)];
  })) as Value;
}

function row(what: string, shared: number, plain: number, digits = 0): string {
  const cells = [what, shared.toFixed(digits), plain.toFixed(digits), (shared / plain).toFixed(2)];
  return `| ${cells.join(' | ')} |`;
}

try {
  const started = Date.now();
  // Servers that have run for a while are faster: a warm-up, and turns in an order that gives neither an advantage.
  await run('warm', openPlainBrowser, Math.min(browsers, 100));
  const [shared1, plain1, plain2, shared2] = [
    await run('shared1', openSharedBrowser, browsers), await run('plain1', openPlainBrowser, browsers),
    await run('plain2', openPlainBrowser, browsers), await run('shared2', openSharedBrowser, browsers)
  ];
  const shared = mean(shared1, shared2);
  const plain = mean(plain1, plain2);
  const phases = [['opening', 'open all tabs'], ['editing', `${Math.ceil(browsers / TEAM) * edits} edits, and one for all`], ['reconnecting', 'all reconnect']] as const;
  console.log(`\n${browsers} browsers with ${tabs} tabs, against ${browsers * tabs} plain tabs; at ${deployment.servers.length} servers\n`);
  console.log(['| | sharedb-tabs | plain | ratio |', '|---|---|---|---|',
    row('sockets', shared.standing.open, plain.standing.open),
    row('agents', shared.standing.agents, plain.standing.agents),
    row('streams', shared.standing.streams, plain.standing.streams),
    row('MB of memory', shared.held, plain.held, 1),
    ...phases.flatMap(([phase, title]) => [
      row(`${title}: messages to the servers`, shared[phase].messagesIn, plain[phase].messagesIn),
      row(`${title}: messages from the servers`, shared[phase].messagesOut, plain[phase].messagesOut),
      row(`${title}: KB to the servers`, shared[phase].bytesIn / 1000, plain[phase].bytesIn / 1000),
      row(`${title}: KB from the servers`, shared[phase].bytesOut / 1000, plain[phase].bytesOut / 1000),
      row(`${title}: s of CPU at the servers`, shared[phase].cpu / 1000, plain[phase].cpu / 1000, 2)
    ])
  ].join('\n'));
  console.log(`\nIn ${Math.round((Date.now() - started) / 1000)} s. The ratios of CPU and memory differ from run to run; the others hardly do.`);
} finally {
  await deployment.close();
}
process.exit();
