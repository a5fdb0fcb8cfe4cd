import {isOfDisk, type DiskState} from './crashing-storage.js';
import {FLEETING, LASTING, LONELY} from './client.js';
import type {Page} from './page.js';
import {someFault} from './database.js';
import {tick, type World} from './world.js';
import type {Walk} from './walk.js';

interface Action {
  /** The weight of the action among all actions that are possible. */
  weight: number;
  /** The walk must have this circumstance. */
  if?: keyof Walk;
  act(world: World): void | Promise<void>;
}

const coin = ({random}: World) => (): boolean => random.below(2) === 0;

function somePage(world: World, act: (page: Page) => void, state = 'running'): void {
  const pages = world.pages.filter(({process}) => process.state === state);
  if (pages.length) act(world.random.pick(pages));
}

/** Replaces a page by a new one, as a reload does. */
function replace(world: World, act: (page: Page) => void): void {
  // While a user signs out, the other pages stay.
  if (world.signOuts.isLeaving) return;
  somePage(world, page => {
    act(page);
    world.forget(page);
    world.openPage();
  });
}

const actions: Record<string, Action> = {
  'somebody writes': {weight: 24, act: world => {
    const writers = world.clients.filter(({isRunning}) => isRunning);
    if (!writers.length) return;
    const id = world.random.pick([LASTING[0], LASTING[0], LASTING[0], LASTING[1], FLEETING, LONELY]);
    const writer = world.random.pick(writers);
    for (let left = world.random.below(4) ? 1 : 1 + world.random.below(5); left > 0; left--) writer.write(id, world.random, id !== FLEETING && id !== LONELY);
  }},
  'a page writes to a local document': {weight: 12, if: 'notes', act: world => somePage(world, page => world.notes.write(page))},
  'a page calls a service': {weight: 16, if: 'services', act: world => somePage(world, page => world.services.call(page))},
  'a page edits a card': {weight: 14, if: 'projections', act: world => somePage(world, page => world.projections.edit(page))},
  'somebody else edits a card': {weight: 5, if: 'projections', act: ({projections}) => projections.edit(undefined)},
  'a page opens or closes a card': {weight: 3, if: 'projections', act: world => somePage(world, page => world.projections.openOrClose(page))},
  'a page makes a transaction': {weight: 20, if: 'transactions', act: world => somePage(world, page => world.transactions.transfer(page))},
  'a page notes something in an account': {weight: 4, if: 'transactions', act: world => somePage(world, page => world.transactions.note(page))},
  'somebody else notes something in an account': {weight: 3, if: 'transactions', act: ({transactions}) => transactions.note(undefined)},
  'something arrives': {weight: 58, act: ({random, machine: {agenda}}) => {
    for (let left = 1 + random.below(3); left > 0; left--) agenda.step(random);
  }},
  'a moment passes': {weight: 4, act: world => passTime(world, 1 + world.random.below(60))},
  'seconds pass': {weight: 1, act: world => passTime(world, 1000 * (1 + world.random.below(4)))},
  'somebody moves': {weight: 4, act: world => {
    const movers = world.clients.filter(({isRunning}) => isRunning);
    if (movers.length) world.random.pick(movers).move(world.random);
  }},
  'a document comes or goes': {weight: 3, act: world => {
    const {random} = world;
    const writers = world.clients.filter(({isRunning}) => isRunning);
    if (!writers.length) return;
    const writer = random.pick(writers);
    for (let left = 1 + random.below(4); left > 0; left--) {
      writer.createOrDelete(random);
      if (random.below(2)) writer.write(FLEETING, random, false);
    }
  }},
  'a page looks at something else': {weight: 3, act: world => somePage(world, page => {
    switch (world.random.below(4)) {
      case 0: return page.switchQuery();
      case 1: return page.fetch(LASTING[1]);
      case 2: return page.subscribed.has(LASTING[1]) ? page.unsubscribe(LASTING[1]) : page.subscribe(LASTING[1]);
      default: return page.subscribed.has(FLEETING) ? page.unsubscribe(FLEETING) : page.subscribe(FLEETING);
    }
  })},
  'a page opens or closes a document': {weight: 3, act: world => somePage(world, page => {
    page.openOrClose(world.random.pick([LASTING[1], FLEETING, LONELY, LONELY]), world.random.below(2) === 0);
  })},
  'a page asks for all documents once': {weight: 2, if: 'fetchQueries', act: world => somePage(world, page => page.fetchQuery())},
  'a page holds back what it writes, or no longer': {weight: 1, act: world => somePage(world, page => {
    page.pauseOrResume(world.random.pick([...LASTING, LONELY]));
  })},
  'the host loses its network': {weight: 1.5, if: 'outages', act: world => world.election.current?.line.lose(coin(world))},
  'the host\'s network is back': {weight: 1.5, if: 'outages', act: ({election}) => election.current?.line.restore()},
  'the server closes the host\'s connection': {weight: 2, if: 'webSockets', act: ({sockets}) => void sockets!.endByServer()},
  'the host\'s connection dies, and nobody is told': {weight: 1, if: 'webSockets', act: ({sockets}) => sockets!.goSilent()},
  'the server answers no new connection': {weight: 0.5, if: 'webSockets', act: ({sockets}) => sockets!.beMute()},
  'half a minute passes': {weight: 0.7, if: 'webSockets', act: world => world.rest(30_000)},
  'the server answers again': {weight: 1, if: 'webSockets', act: ({sockets}) => sockets!.speak()},
  'a remote client loses its network': {weight: 0.5, if: 'outages', act: world => world.random.pick(world.remotes).line.lose(coin(world))},
  'a remote client\'s network is back': {weight: 1, if: 'outages', act: ({random, remotes}) => random.pick(remotes).line.restore()},
  'the host dies': {weight: 1, if: 'crashes', act: ({election}) => election.kill()},
  'the host dies, and the disk is emptied': {weight: 1, if: 'emptied', act: ({election, ledger}) => {
    // State that only hosts had is lost.
    ledger.hasWarned = true;
    election.kill();
    return election.disk.content.clear();
  }},
  'the host closes': {weight: 0.5, if: 'crashes', act: ({election}) => election.close()},
  'another host takes over': {weight: 2, if: 'usurpers', act: ({election, random}) => election.usurp(random.below(3) > 0)},
  'a former host wakes up': {weight: 3, if: 'usurpers', act: ({election}) => election.thaw()},
  'a page goes away': {weight: 1, if: 'pagesGo', act: world => replace(world, page => page.goAway(coin(world)()))},
  'a page is hidden': {weight: 1, if: 'pagesGo', act: world => somePage(world, page => page.hide())},
  'a page dies': {weight: 0.8, if: 'pagesDie', act: world => replace(world, page => page.process.kill())},
  'a page closes its connection': {weight: 0.5, if: 'pagesDie', act: world => replace(world, page => page.connection.close())},
  'a page freezes': {weight: 1.5, if: 'freezes', act: world => somePage(world, page => page.process.freeze())},
  'a page is put away': {weight: 1, if: 'freezes', act: world => somePage(world, page => page.putAway(coin(world)()))},
  'a page goes on': {weight: 3, if: 'freezes', act: world => somePage(world, page => page.wake(), 'frozen')},
  'a user signs out': {weight: 1.5, if: 'signOuts', act: world => somePage(world, page => world.signOuts.signOut(page))},
  'the app clears localStorage': {weight: 1, if: 'clearsStorage', act: ({signOuts}) => signOuts.clearStorage()},
  'a page writes to a diary': {weight: 12, if: 'signOuts', act: world => somePage(world, page => world.signOuts.write(page))},
  'a former user\'s page goes on': {weight: 2, if: 'signOuts', act: ({random, signOuts: {former}}) => { if (former.length) random.pick(former).wake(); }},
  'a session breaks': {weight: 1, if: 'breaks', act: world => somePage(world, page => page.breakSession())},
  'the server changes its mind': {weight: 2, if: 'retries', act: ({server}) => { server.isStrict = !server.isStrict; }},
  'a page tries a dead letter again': {weight: 4, if: 'retries', act: world => somePage(world, page => page.retryLetter(world.random))},
  'the database fails': {weight: 1, if: 'faults', act: ({random, server: {database}}) => { database.state = someFault(random); }},
  'the database is well again': {weight: 1, if: 'faults', act: ({server: {database}}) => { database.state = 'well'; }},
  'the user may not read a document any more': {weight: 1, if: 'revocations', act: ({revocations}) => revocations.revoke()},
  'the user may read all documents again': {weight: 0.7, if: 'revocations', act: ({revocations}) => revocations.grant()},
  'the user may not write a document, or not read all of its ops': {weight: 1.5, if: 'permissions', act: ({permissions}) => permissions.restrict()},
  'the user may do everything again': {weight: 0.5, if: 'permissions', act: ({permissions}) => permissions.grant()},
  'the computer sleeps': {weight: 1.5, if: 'sleeps', act: sleep},
  'the clock is set': {weight: 0.5, if: 'sleeps', act: ({random, machine: {clock}}) => {
    clock.offset += (random.below(2) ? 1000 : 60_000) * (random.below(121) - 60);
  }},
  'the disk is full, hangs or fails': {weight: 1, if: 'disks', act: world => {
    world.election.disk.state = world.random.pick<DiskState>(['full', 'hanging', 'failing once']);
    world.noteDisk();
  }},
  'the disk is well again': {weight: 1, if: 'disks', act: ({election: {disk}}) => { disk.state = 'well'; }},
  'the disk can\'t read': {weight: 1.5, if: 'unreadable', act: ({election: {disk}}) => { disk.state = 'unreadable'; }},
  'the disk can read again': {weight: 0.7, if: 'unreadable', act: ({election: {disk}}) => { disk.state = 'well'; }},
  'an op log is trimmed': {weight: 1.5, if: 'trims', act: ({random, server}) => {
    const id = random.pick([...LASTING, LONELY]);
    server.trim(id, random.below(3));
  }},
  'a copy of the database is made': {weight: 0.7, if: 'replacements', act: ({replacements}) => replacements.copy()},
  'the server starts again with another database': {weight: 0.7, if: 'replacements', act: ({replacements}) => replacements.replace()},
  'the server starts again with another database, below edits': {weight: 2, if: 'nested', act: ({replacements}) => replacements.replace()},
  'a batch is lost or doubled': {weight: 2, if: 'losses', act: ({machine: {wires}, random}) => wires.disturb(random)}
};

/** Lets the disk finish all its requests. */
async function settleDisk({machine: {agenda}, random}: World): Promise<void> {
  while (agenda.step(random, isOfDisk)) await tick();
}

/** Makes timers late. A request to the disk may be in progress then, but none lasts over two sleeps. */
async function sleep(world: World): Promise<void> {
  const {random, machine: {clock}} = world;
  if (clock.sleeps++) await settleDisk(world);
  clock.now += random.below(2) ? 1000 * (1 + random.below(30)) : 60_000 * (1 + random.below(90));
}

/** Lets timers run. The disk is not slow for seconds here: a host would give it up. */
async function passTime(world: World, ms: number): Promise<void> {
  const {clock} = world.machine;
  const until = clock.now + ms;
  if (ms >= 1000) await settleDisk(world);
  while (clock.runNext(until)) await tick();
  clock.now = until;
}

/**
 * Selects the next action at random and takes it.
 * @returns its name
 */
export async function takeStep(world: World): Promise<string> {
  const possible = Object.entries(actions).filter(([, action]) => !action.if || world.walk[action.if]);
  const sum = possible.reduce((weights, [, {weight}]) => weights + weight, 0);
  let dice = world.random.below(1000) / 1000 * sum;
  for (const [name, {weight, act}] of possible) {
    dice -= weight;
    if (dice > 0) continue;
    await act(world);
    return name;
  }
  return 'nothing';
}
