import {isDeepStrictEqual} from 'node:util';
import {CONFLICTS, DOCUMENTS, FLEETING, LASTING, ROOM, type Client, type Presence} from './client.js';
import {isFault, isGone} from './database.js';
import type {Ledger, Written} from './ledger.js';
import {isForbidden} from './revocations.js';
import {COLLECTION} from './server.js';
import {endsHosts, losesHistory, mayBeForbidden, type Walk} from './walk.js';
import type {World} from './world.js';

interface Truth {
  data: unknown;
  version: number | null;
  /** The server's ops as texts, to find words in them. */
  ops: string[];
  /** The ops of the databases before this one. */
  former: string[];
}

/** Checks the final state of a walk. */
export async function judge(world: World): Promise<void> {
  const truth = await truthOf(world);
  await listLetters(world);
  if (world.walk.unreadable) await world.unreadable.list();
  for (const client of world.clients) judgeDocs(world, client, truth);
  for (const written of world.ledger.written) judgeWord(world, written, truth.get(written.doc)!);
  judgeCalls(world);
  judgeSources(world);
  if (world.walk.notes) await world.notes.judge();
  if (world.walk.unreadable) await world.unreadable.judge();
  if (world.walk.services) await world.services.judge();
  if (world.walk.signOuts) world.signOuts.judge();
  if (world.walk.transactions) await world.transactions.judge();
  if (world.walk.projections) await world.projections.judge();
  await judgePresence(world);
  await judgeQueries(world, truth);
  judgeLetters(world);
  const inspected = world.election.current!.host.inspect();
  const {tabs, pendingOps, pendingDocs, pendingWrites} = inspected;
  if (tabs !== world.pages.length) world.ledger.problem(`the host has ${tabs} tabs, there are ${world.pages.length}`);
  if (pendingOps || pendingDocs || pendingWrites) world.ledger.problem(`the host has something pending: ${JSON.stringify(inspected)}`);
}

/** Lists the dead letters from a tab. Some tabs may have missed the event. */
async function listLetters(world: World): Promise<void> {
  const [page] = world.pages;
  await world.done('the dead letters', done => void page!.connection.deadLetters.list().then(letters => {
    for (const letter of letters) {
      const json = JSON.stringify(letter);
      if (!world.ledger.letters.includes(json)) world.ledger.letters.push(json);
    }
    done();
  }, done));
}

/** Apart from ops that are meant to be rejected, only ops whose history was lost, or that the user may not make, become dead letters. */
function judgeLetters({ledger, walk}: World): void {
  for (const letter of ledger.letters) {
    for (const [, word] of letter.matchAll(/\[(\d+)\]/g)) {
      const written = ledger.written[Number(word)];
      if (!written || written.doc === FLEETING) continue;
      const {error} = JSON.parse(letter) as {error: unknown};
      const isExpected = losesHistory(walk) || mayBeForbidden(walk) || ledger.hasWarned || ledger.givenUp.has(written.writer);
      if (!(isExpected && isOfLoss(walk, error))) ledger.problem(`there is a dead letter of ${written.word}: ${letter}`);
    }
  }
}

/** A client that follows a document has the server's state without a request. */
export async function judgeFollowed(world: World): Promise<void> {
  const truth = await truthOf(world);
  for (const {name, docs, subscribed} of world.clients) {
    for (const {id, version, data} of docs) {
      const {version: latest, data: latestData} = truth.get(id)!;
      if (subscribed.has(id) && version !== latest) world.ledger.problem(`${name} follows ${id}, and is at version ${version}, the server at ${latest}`);
      // The comparison comes before the fetch, which would repair the state.
      else if (subscribed.has(id) && id !== FLEETING && !isDeepStrictEqual(plain(data), latestData)) {
        world.ledger.problem(`${name} follows ${id}, and has ${JSON.stringify(data)}, the server ${JSON.stringify(latestData)}`);
      }
    }
  }
}

/** A client that has just fetched a document has the server's state. */
export async function judgeFetched({pages, ledger, server, walk}: World): Promise<void> {
  const truth = await truthOf({server, walk});
  for (const {name, docs} of pages) {
    for (const {id, version} of docs) {
      const {version: latest} = truth.get(id)!;
      if (version !== latest) ledger.problem(`${name} has fetched ${id}, and is at version ${version}, the server at ${latest}`);
    }
  }
}

/** While the server accepts nothing, a tab with an unsent op reports this in its status. */
export function judgeSilence({pages, ledger}: World): void {
  for (const {name, docs, connection} of pages) {
    const waiting = docs.filter(doc => doc.hasWritePending()).map(({id}) => id);
    if (waiting.length && !connection.status.serverFault) ledger.problem(`${name} waits for the server with ${waiting.join()}, and does not say why`);
  }
}

/** While the disk accepts nothing, nothing counts as durable. */
export function judgeDurability({pages, ledger, election}: World): void {
  if (!election.current?.host.inspect().pendingWrites) return;
  for (const {name, connection} of pages) {
    if (connection.status.durable) ledger.problem(`${name} takes for durable what can't be written`);
  }
}

/** When all clients have left, no state of them remains with the host, the server or the browser. */
export async function judgeTheEnd(world: World): Promise<void> {
  const {ledger, machine, election} = world;
  for (const page of [...world.pages]) {
    if (world.random.below(2)) page.connection.close();
    else page.process.kill();
    world.forget(page);
  }
  await world.rest();
  const {host, line} = election.current!;
  const {tabs, docs, queries, presences, pendingOps, pendingWrites} = host.inspect();
  const left = {tabs, docs, queries, presences, pendingOps, pendingWrites};
  if (Object.values(left).some(count => count)) ledger.problem(`the host has this left of nobody: ${JSON.stringify(left)}`);
  const {subscribedDocs, subscribedPresences, subscribedQueries} = line.agent!;
  // ShareDB's server can begin a query after it has answered with an error for another part of the request.
  const openQueries = world.walk.faults || world.walk.permissions ? [] : Object.keys(subscribedQueries);
  const followed = [...Object.values(subscribedDocs).flatMap(docs => Object.keys(docs)), ...Object.keys(subscribedPresences), ...openQueries];
  if (followed.length) ledger.problem(`the server tells the host of this for nobody: ${followed.join(', ')}`);
  election.end();
  await world.rest();
  if (machine.wires.inUse.length) ledger.problem(`channels are still open: ${machine.wires.inUse.join(', ')}`);
  if (machine.locks.inUse.length) ledger.problem(`locks are still held or waited for: ${machine.locks.inUse.join(', ')}`);
  if (machine.clock.inUse.length) ledger.problem(`timers are still running: ${machine.clock.inUse.join(', ')}`);
}

async function truthOf({server, walk: {edits}}: Pick<World, 'server' | 'walk'>): Promise<Map<string, Truth>> {
  const connection = server.backend.connect();
  const truth = new Map<string, Truth>();
  for (const id of DOCUMENTS) {
    const doc = connection.get(COLLECTION, id);
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as unknown as Error) : resolve())));
    const [ops, former] = [await server.ops(COLLECTION, id), await server.formerOps(COLLECTION, id)]
      .map(of => of.map(op => edits.textOf?.(op) ?? JSON.stringify(op))) as [string[], string[]];
    truth.set(id, {data: plain(doc.data), version: doc.version, ops, former});
  }
  return truth;
}

/**
 * Whether an op of this client on the fleeting document was given up. ShareDB's own client may take a late refusal for that of its next op.
 * It then differs from the server, and its later ops there may be refused, too.
 */
function wasRefused({written}: Ledger, name: string): boolean {
  return written.some(({doc, writer, callbacks: [error]}) => doc === FLEETING && writer === name && CONFLICTS.has(codeOf(error)!));
}

function judgeDocs({ledger}: World, {name, docs, isTab}: Client, truth: Map<string, Truth>): void {
  const isUpstreams = !isTab && (wasRefused(ledger, name) || ledger.contested.has(FLEETING));
  for (const doc of docs) {
    if (isUpstreams && doc.id === FLEETING) continue;
    const {data, version} = truth.get(doc.id)!;
    if (!isDeepStrictEqual(plain(doc.data), data)) {
      ledger.problem(`${name}, ${doc.id}: has ${JSON.stringify(doc.data)}, the server ${JSON.stringify(data)}`);
    }
    if (doc.version !== version) ledger.problem(`${name}, ${doc.id}: is at version ${doc.version}, the server at ${version}`);
    if (doc.hasPending()) ledger.problem(`${name}, ${doc.id}: has something pending`);
  }
}

/**
 * Each acknowledged op is at the server exactly once. No op that was shown is missing, unless no client and no host that has seen it is
 * left.
 */
function judgeWord({ledger, walk, remotes, machine, unreadable}: World, written: Written, {data, ops, former}: Truth): void {
  const {word, doomed, writer, shownTo, doc} = written;
  const times = ops.filter(op => op.includes(word)).length;
  const isOrphan = ledger.gone.has(writer);
  const problem = (what: string): void => ledger.problem(`${word} of ${writer} in ${doc} ${what}`);
  if (written.callbacks.length > 1 || (!isOrphan && written.callbacks.length !== 1)) problem(`was called back ${written.callbacks.length} times`);
  // The error of a closed connection does not show what the server has answered.
  const [farewell] = written.callbacks.filter(error => isOrphan && codeOf(error) === CLOSED);
  const callbacks = farewell ? [] : written.callbacks;
  const [outcome] = callbacks;
  const code = codeOf(outcome);
  // While the disk accepts nothing, only the host knows which ops it has sent. If it dies before it has answered the author, the next host
  // sends the op again.
  if (ledger.hasWarned && times === 2) return;
  if (times > 1) problem(`is there ${times} times`);
  // A saved op is lost with its database.
  if (!times && former.some(op => op.includes(word))) return;
  if (doomed && walk.retries) {
    const isLetter = ledger.left.some(letter => textOf(letter).includes(word));
    if (isLetter && times) problem('is a dead letter, and is there');
    if (!isLetter && callbacks.length && times !== 1) problem(`is no dead letter, and is there ${times} times`);
    const found = walk.edits.count(data, word);
    if (found !== times) problem(`is in the data ${found} times, and among the ops ${times} times`);
    return;
  }
  if (doomed) {
    if (times) problem('was to be rejected, and is there');
    if (callbacks.length && code !== (walk.tooLarge ? 'ERR_TABS_OP_TOO_LARGE' : 'ERR_REJECTED')) problem(`was called back with ${String(outcome)}`);
    return;
  }
  if (walk.permissions && ledger.letters.some(letter => isOfLetter(walk, word, letter))) {
    // The server answers an op with an error that it has committed after ops that may not be read.
    const found = walk.edits.count(data, word);
    if (found !== times) problem(`was refused, is in the data ${found} times, and among the ops ${times} times`);
    return;
  }
  // A letter that was withdrawn says nothing: its op must be at the server.
  if (walk.unreadable && doc !== FLEETING && !times && ledger.letters.some(letter => isOfLetter(walk, word, letter)) && !unreadable.isReported(word)) {
    problem('was a dead letter, and is not there');
  }
  // If the history that an op was made on is lost, the op may be a dead letter. It may have been committed before, or not.
  if ((losesHistory(walk) || mayBeForbidden(walk) || ledger.hasWarned || ledger.givenUp.has(writer)) && ledger.letters.some(letter => isOfLetter(walk, word, letter))) return;
  // If an op changes content that a refused op had added, ShareDB's client drops it without an error.
  const parent = walk.edits.parentOf?.(word);
  if (parent && !outcome && ledger.letters.some(letter => isOfLetter(walk, parent, letter))) return;
  // The author got the error of a lost op and reported it to its host. Both ended before the dead letter was written.
  if (ledger.hasWarned && isOrphan && isGone(outcome)) return;
  const isUpstreams = remotes.some(({client}) => client.name === writer) && wasRefused(ledger, writer);
  if (outcome && !(doc === FLEETING && (isUpstreams || isConflict(ledger, code)))) problem(`was called back with ${String(outcome)}`);
  // Pages of the simulator have no localStorage. In a browser it would keep this op.
  const isTooLate = machine.wires.tooLate.has(writer);
  const isSaidToBeKept = !!farewell && String(farewell).includes('not lost') && !isTooLate && !endsHosts(walk) && doc !== FLEETING;
  if (isSaidToBeKept && times !== 1) problem(`was said not to be lost, and is there ${times} times`);
  if (callbacks.length && !outcome && times !== 1) problem(`was acknowledged, and is there ${times} times`);
  if (doc === FLEETING) return;
  // An op that was never durable is lost with its host and its author.
  if (ledger.hasWarned && isOrphan) return;
  const witnesses = [...shownTo].filter(name => !endsHosts(walk) || !ledger.gone.has(name));
  // What can't be merged is listed in the quarantine, with its data.
  const isQuarantined = !times && !!walk.unreadable && unreadable.isReported(word);
  if (witnesses.length && times !== 1 && !isQuarantined) problem(`was shown to ${witnesses.join(', ')}, and is there ${times} times`);
  const count = data === undefined ? 0 : walk.edits.count(data, word);
  // If the client's state had concurrent insertions in another order, the op may have been moved into the middle of a word.
  if (ledger.replaced.has(doc) && count < times && isSpread(word, JSON.stringify(data))) return;
  if (count !== times) problem(`is in the data ${count} times, and among the ops ${times} times`);
}

/** The error of calls on a connection that was closed in an orderly way. */
const CLOSED = 'ERR_TABS_CLOSED';

const codeOf = (error: unknown): string | undefined => (error as {code?: string} | null | undefined)?.code;

/** Whether an op on the fleeting document may have been given up with this error. */
function isConflict(ledger: Ledger, code: string | undefined): boolean {
  return CONFLICTS.has(code!) || (code === 'ERR_TABS_OP_LOST' && ledger.contested.has(FLEETING));
}

function judgeCalls({ledger, walk}: World): void {
  for (const {client, what, callbacks} of ledger.calls) {
    if (callbacks.length > 1 || (!callbacks.length && !ledger.gone.has(client))) {
      ledger.problem(`${what} of ${client} was called back ${callbacks.length} times`);
    }
    const isFarewell = ledger.gone.has(client) && codeOf(callbacks[0]) === CLOSED;
    const isExpected = isFarewell || (walk.faults && isFault(callbacks[0])) || (mayBeForbidden(walk) && isForbidden(callbacks[0])) || ((ledger.hasWarned || walk.replacements || walk.rendered || walk.unreadable) && isGone(callbacks[0]));
    if (callbacks[0] && !isExpected && !isConflict(ledger, codeOf(callbacks[0]))) ledger.problem(`${what} of ${client} was called back with ${String(callbacks[0])}`);
  }
}

/** If tabs send the sources of their ops, the server knows the writer of each word. */
function judgeSources({ledger, server, pages, walk}: World): void {
  if (!walk.sources) return;
  const sources = server.sources.map(({source, op}) => ({source, op: walk.edits.textOf?.(op) ?? JSON.stringify(op)}));
  for (const {source, op} of sources) {
    for (const {word, writer} of ledger.written) {
      if (op.includes(word) && source !== writer) ledger.problem(`the server was told that ${word} of ${writer} comes from ${String(source)}`);
    }
  }
  const told = sources.map(({op}) => op).join();
  for (const {name} of pages) {
    const missing = ledger.written.find(({word, writer, callbacks: [error], callbacks}) => writer === name && callbacks.length && !error && !told.includes(word));
    if (missing) ledger.problem(`the server was not told where ${missing.word} of ${name} comes from`);
  }
}

/** A new client sees all presences, and no others. So does each tab. */
async function judgePresence(world: World): Promise<void> {
  const {ledger, clients, pages, remotes} = world;
  const connection = world.server.backend.connect();
  const places = `${COLLECTION}.${LASTING[0]}`;
  for (const channel of [ROOM, places]) {
    const presence = connection.getPresence(channel) as unknown as Presence;
    await world.done('a newcomer looks for others', done => presence.subscribe(done));
  }
  await world.rest();
  const expected = Object.fromEntries(clients.filter(({shown}) => shown != null).map(({name, shown}) => [name, shown]));
  const room = connection.getPresence(ROOM).remotePresences;
  if (!isDeepStrictEqual({...room}, expected)) ledger.problem(`a newcomer sees ${JSON.stringify(room)}, there are ${JSON.stringify(expected)}`);
  // A presence that ended while no client was connected is not removed. This is so with ShareDB's own client.
  const hidden = new Set(remotes.filter(({client}) => client.shown === null).map(({client}) => client.name));
  if (world.walk.replacements) for (const name of ledger.gone) if (name.startsWith('remote')) hidden.add(name);
  for (const page of pages) {
    if (!page.isInRoom) continue;
    const {[page.name]: _own, ...others} = expected;
    const seen = Object.fromEntries(Object.entries(page.presence(ROOM).remotePresences).filter(([name]) => !hidden.has(name)));
    if (!isDeepStrictEqual(seen, others)) ledger.problem(`${page.name} sees ${JSON.stringify(seen)}, there are ${JSON.stringify(others)}`);
  }
  const ghosts = Object.keys(connection.getPresence(places).remotePresences).filter(id => ledger.gone.has(id));
  if (ghosts.length) ledger.problem(`there are places of ${ghosts.join(', ')}, who are gone`);
  connection.close();
}

async function judgeQueries(world: World, truth: Map<string, Truth>): Promise<void> {
  const expected = [...truth].filter(([, {data}]) => data !== undefined).map(([id]) => id).sort();
  const wrong = (): string[] => world.pages.flatMap(({name, query}) => {
    const found = query?.results.map(({id}) => id).sort();
    return found && !isDeepStrictEqual(found, expected) ? [`${name} finds ${found.join(', ')}, there are ${expected.join(', ')}`] : [];
  });
  if (!wrong().length) return;
  // ShareDB's queries can miss a change that comes while they are being subscribed. A second request gives the right result.
  const {line} = world.election.current!;
  line.lose(() => true);
  line.restore();
  await world.rest();
  for (const problem of wrong()) world.ledger.problem(problem);
}

/** The data as JSON: the order of keys and the class of a Delta do not count. */
function plain(data: unknown): unknown {
  return data === undefined ? undefined : JSON.parse(JSON.stringify(data));
}

/** The text of a dead letter's step. An attribute may have split a word into two insertions. */
function textOf(letter: string): string {
  const {step} = JSON.parse(letter) as {step: unknown};
  const texts: string[] = [];
  JSON.stringify(step, (key, value: unknown) => {
    if (typeof value === 'string' && key !== 'color') texts.push(value);
    return value;
  });
  return `${letter} ${texts.join('')}`;
}

/** Whether an op was given up for a lost history. An op on another database may also be one that can't be applied. */
function isOfLoss(walk: Walk, error: unknown): boolean {
  return !!walk.replacements || isGone(error) || (mayBeForbidden(walk) && isForbidden(error));
}

/** Whether a dead letter for a lost history contains a word. */
function isOfLetter(walk: Walk, word: string, letter: string): boolean {
  const {error} = JSON.parse(letter) as {error: unknown};
  return isOfLoss(walk, error) && textOf(letter).includes(word);
}

/** Whether a text has the letters of a word in their order. */
function isSpread(word: string, text: string): boolean {
  let at = 0;
  return [...word].every(letter => (at = text.indexOf(letter, at) + 1) > 0);
}
