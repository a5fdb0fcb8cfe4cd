import {expect} from 'chai';
import Backend from 'sharedb';
import type {Connection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {presentUsers, type PresentUser} from '../../lib/presence.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';

interface Shown {
  user: string;
  at?: number;
}

describe('the present users', () => {
  let backend: Backend;
  let channel: ReturnType<typeof memoryChannels>;
  let real: Connection;
  let host: Host;
  const tabs: ProxyConnection[] = [];

  beforeEach(() => {
    backend = new Backend({presence: true, doNotForwardSendPresenceErrorsToClient: true});
    channel = memoryChannels();
    real = backend.connect();
    host = new Host({connection: real, channel, store: false});
  });

  afterEach(() => {
    for (const tab of tabs.splice(0)) tab.close();
    host.close();
  });

  function openTab(): ProxyConnection {
    const tab = new ProxyConnection({channel});
    tabs.push(tab);
    return tab;
  }

  const room = 'room';
  const show = (connection: Connection | ProxyConnection, id: string, value: Shown | null): void => {
    const presence = (connection as ProxyConnection).getPresence(room);
    const local = presence.localPresences[id] ?? presence.create(id);
    local.submit(value as never, () => {});
  };
  const names = (users: readonly PresentUser<Shown>[]): string => users.map(({id, values}) => `${id}${values.size}`).join();
  const userOf = ({user}: Shown): string => user;

  it('include each person once, for any number of tabs and devices, this tab included', async () => {
    const [one, two, three] = [openTab(), openTab(), openTab()];
    const elsewhere = backend.connect();
    const present = presentUsers<Shown>(one, room, {userOf});
    const events: string[] = [];
    present.on('join', ({id}) => events.push(`join ${id}`));
    present.on('leave', ({id}) => events.push(`leave ${id}`));
    show(one, 'a1', {user: 'Ann'});
    await until('Ann is here', () => names(present.users) === 'Ann1');
    expect(present.users[0]!.isSelf).to.equal(true);
    show(two, 'a2', {user: 'Ann'});
    show(three, 'b1', {user: 'Bob'});
    // The server removes the presence that a client has shown on the channels where it listens.
    elsewhere.getPresence(room).subscribe(() => {});
    show(elsewhere, 'b2', {user: 'Bob', at: 3});
    await until('all are here', () => names(present.users) === 'Ann2,Bob2');
    expect([...present.users[1]!.values]).to.deep.include(['b2', {user: 'Bob', at: 3}]);
    show(three, 'b1', null);
    await until('Bob is here once', () => names(present.users) === 'Ann2,Bob1');
    elsewhere.close();
    await until('Bob has left', () => names(present.users) === 'Ann2');
    tabs.splice(tabs.indexOf(two), 1);
    two.close();
    await until('one tab is gone', () => names(present.users) === 'Ann1');
    expect(events).to.eql(['join Ann', 'join Bob', 'leave Bob']);
    present.close();
    present.close();
    expect(present.users).to.eql([]);
  });

  it('are reported with a warning about a refused subscription if there is no error listener', async () => {
    const refused = Object.assign(new Error('Not for you'), {code: 'ERR_NOT_ALLOWED'});
    backend.use('receive', ({data}, next) => next((data as {a?: string}).a === 'ps' ? refused : undefined));
    const warned: unknown[][] = [];
    const {warn} = console;
    console.warn = (...values: unknown[]) => warned.push(values);
    try {
      const silent = presentUsers(openTab(), room);
      await until('it warns', () => warned.length > 0);
      expect(warned.map(([, error]) => (error as {code?: string}).code)).to.include('ERR_NOT_ALLOWED');
      silent.close();
      warned.length = 0;
      const reported = await new Promise<Error & {code?: string}>(resolve => presentUsers(openTab(), 'other').on('error', resolve));
      expect(reported.code).to.equal('ERR_NOT_ALLOWED');
      expect(warned).to.eql([]);
    } finally {
      console.warn = warn;
    }
  });

  it('have times of the first and the last sign', async () => {
    const clock = new HandClock();
    const one = openTab();
    Object.defineProperty(one, 'clock', {value: clock});
    const present = presentUsers<Shown>(one, room, {userOf});
    const start = clock.now();
    show(one, 'a', {user: 'Ann'});
    await until('she is here', () => present.users.length === 1);
    clock.jump(5000);
    const changed = new Promise<void>(resolve => { present.once('change', () => resolve()); });
    show(one, 'a', {user: 'Ann', at: 1});
    await changed;
    expect(present.users.map(({firstSeen, lastSeen}) => [firstSeen - start, lastSeen - start])).to.eql([[0, 5000]]);
  });

  it('are updated without a server', async () => {
    const [one, two] = [openTab(), openTab()];
    const present = presentUsers<Shown>(one, room, {userOf});
    show(two, 'b', {user: 'Bob'});
    await until('Bob is here', () => names(present.users) === 'Bob1');
    real.close();
    await until('it is known', () => one.state !== 'connected');
    show(two, 'b', {user: 'Bob', at: 7});
    await until('he moves', () => present.users[0]?.values.get('b')?.at === 7);
  });

  for (const lost of ['host', 'server']) {
    it(`do not change if the ${lost} is lost and restored`, async () => {
      const [one, two, three] = [openTab(), openTab(), openTab()];
      const elsewhere = backend.connect();
      elsewhere.getPresence(room).subscribe(() => {});
      const present = presentUsers<Shown>(one, room, {userOf});
      const events: string[] = [];
      present.on('join', ({id}) => events.push(`join ${id}`));
      present.on('leave', ({id}) => events.push(`leave ${id}`));
      show(two, 'b', {user: 'Bob'});
      show(elsewhere, 'c', {user: 'Cy'});
      await until('both are here', () => present.users.length === 2);
      const firstSeen = (): object => Object.fromEntries(present.users.map(user => [user.id, user.firstSeen]));
      const before = firstSeen();
      events.length = 0;
      if (lost === 'host') {
        host.close();
        await host.whenClosed;
        real = backend.connect();
        host = new Host({connection: real, channel, store: false});
      } else {
        real.close();
        await until('it is known', () => one.state !== 'connected');
        backend.connect(real);
      }
      await until('it is back', () => [one, two, three].every(({hostState, state}) => hostState === 'connected' && state === 'connected'));
      show(elsewhere, 'c', {user: 'Cy', at: 1});
      show(two, 'b', {user: 'Bob', at: 1});
      await until('both go on', () => present.users.length === 2 && present.users.every(({values}) => [...values.values()][0]!.at === 1));
      show(three, 'd', {user: 'Dee'});
      await until('who is new is seen', () => events.length > 0);
      expect(events).to.eql(['join Dee']);
      expect(firstSeen()).to.deep.include(before);
      elsewhere.close();
    });
  }

  describe('if clients elsewhere leave while the server is unreachable', () => {
    let clock: HandClock;
    let one: ProxyConnection;
    let present: ReturnType<typeof presentUsers<Shown>>;
    const comeElsewhere = (): Connection => {
      const elsewhere = backend.connect();
      elsewhere.getPresence(room).subscribe(() => {});
      return elsewhere;
    };

    beforeEach(async () => {
      clock = new HandClock();
      host.close();
      await host.whenClosed;
      real = backend.connect();
      host = new Host({connection: real, channel, store: false, clock});
      one = openTab();
      present = presentUsers<Shown>(one, room, {userOf});
    });

    it('are removed some seconds after it is reachable again, and nobody else', async () => {
      const [leaving, staying, two] = [comeElsewhere(), comeElsewhere(), openTab()];
      show(leaving, 'c', {user: 'Cy'});
      show(staying, 'd', {user: 'Dee'});
      show(two, 'b', {user: 'Bob'});
      await until('all are here', () => present.users.length === 3);
      real.close();
      await until('it is known', () => one.state !== 'connected');
      leaving.close();
      await clock.passSlowly(60_000);
      expect(present.users).to.have.length(3);
      backend.connect(real);
      show(staying, 'd', {user: 'Dee', at: 1});
      await until('who stays goes on', () => present.users.some(({values}) => values.get('d')?.at === 1));
      await clock.passSlowly(4000);
      expect(present.users).to.have.length(3);
      await clock.passSlowly(2000);
      await until('who left is gone', () => present.users.length < 3);
      expect(present.users.map(({id}) => id).sort()).to.eql(['Bob', 'Dee']);
      staying.close();
    });

    it('include those that returned with another connection', async () => {
      const before = comeElsewhere();
      for (const at of [1, 2, 3]) show(before, 'c', {user: 'Cy', at});
      await until('she is here', () => present.users[0]?.values.get('c')?.at === 3);
      real.close();
      await until('it is known', () => one.state !== 'connected');
      before.close();
      const after = comeElsewhere();
      show(after, 'c', {user: 'Cy', at: 4});
      backend.connect(real);
      await until('her value is new', () => present.users[0]?.values.get('c')?.at === 4);
      await clock.passSlowly(60_000);
      show(after, 'c', {user: 'Cy', at: 5});
      await until('she goes on', () => present.users[0]?.values.get('c')?.at === 5);
      after.close();
    });
  });

  it('are identified by the presence id by default, and wrong options are refused', () => {
    const one = openTab();
    const present = presentUsers(one, room);
    show(one, 'Ann', {user: 'x'});
    return until('she is here', () => present.users[0]?.id === 'Ann').then(() => {
      expect(() => presentUsers(one, '')).to.throw(TypeError, 'channel');
      expect(() => presentUsers(one, room, {userOf: 1 as never})).to.throw(TypeError, 'userOf');
      expect(() => presentUsers(one, room, {userof: userOf} as never)).to.throw(TypeError, 'there is no option userof. Did you mean userOf?');
      expect(() => presentUsers(one, room, null as never)).to.throw(TypeError, 'the options must be an object');
      expect(() => presentUsers(undefined as never, room)).to.throw(TypeError, 'must be a connection');
    });
  });

  it('exclude values without a person, which are reported once each', async () => {
    const [one, two] = [openTab(), openTab()];
    const present = presentUsers<any>(one, room, {userOf: value => value.user.id as string});
    const errors: string[] = [];
    present.on('error', error => errors.push(error.message));
    show(one, 'self', {} as Shown);
    show(two, 'odd', {user: {id: 7}} as never);
    show(two, 'good', {user: {id: 'bob'}} as never);
    await until('the good one is here', () => present.users.length > 0);
    show(two, 'good', {user: {id: 'bob', at: 2}} as never);
    await until('its next value is here', () => present.users[0]?.values.get('good').user.at === 2);
    expect(names(present.users)).to.equal('bob1');
    expect(errors).to.have.length(2);
    expect(errors.join()).to.include('userOf must return a string, not 7');
  });

  it('are followed until the last list of a tab is closed', async () => {
    const [one, two] = [openTab(), openTab()];
    const [first, second] = [presentUsers(one, room), presentUsers(one, room)];
    first.close();
    show(two, 'b', {user: 'Bob'});
    await until('the other list goes on', () => names(second.users) === 'b1');
    second.close();
    expect(one.getPresence(room).wantSubscribe).to.equal(false);
  });

  describe('with the same presence id in two tabs', () => {
    const valueFor = (connection: Connection | ProxyConnection): unknown => (connection as ProxyConnection).getPresence(room).remotePresences['same'];

    it('shows the last value, and goes with the last tab, to other tabs and other clients', async () => {
      const [one, two, third] = [openTab(), openTab(), openTab()];
      const elsewhere = backend.connect();
      for (const connection of [one, two, third, elsewhere]) {
        await new Promise<void>((resolve, reject) => {
          (connection as ProxyConnection).getPresence(room).subscribe(error => { if (error) reject(error as never); else resolve(); });
        });
      }
      const shown = (user: string | undefined): Promise<void> => until(`${user} is shown`, () => [third, elsewhere].every(connection =>
        (valueFor(connection) as Shown | undefined)?.user === user));
      for (const at of [1, 2, 3]) show(one, 'same', {user: 'one', at});
      await shown('one');
      // Its first version is lower than the version that was shown before.
      show(two, 'same', {user: 'two'});
      await shown('two');
      show(two, 'same', null);
      await shown('one');
      show(two, 'same', {user: 'two again'});
      await shown('two again');
      tabs.splice(tabs.indexOf(two), 1);
      two.close();
      await shown('one');
      tabs.splice(tabs.indexOf(one), 1);
      one.close();
      await shown(undefined);
    });

    it('shows the value of the other tab to the tab that has withdrawn its own', async () => {
      const [one, two] = [openTab(), openTab()];
      await new Promise<void>((resolve, reject) => { two.getPresence(room).subscribe(error => { if (error) reject(error as never); else resolve(); }); });
      const seen = (value: unknown): Promise<void> => until(`${String(value)} is shown`, () => valueFor(two) === value);
      const [first, second] = [one, two].map(tab => tab.getPresence(room).create('same'));
      await (second!.submit as (value: unknown) => Promise<void>)('two');
      await (first!.submit as (value: unknown) => Promise<void>)('one');
      await (second!.submit as (value: unknown) => Promise<void>)(null);
      await seen('one');
      await (first!.submit as (value: unknown) => Promise<void>)('one again');
      await seen('one again');
      await (second!.submit as (value: unknown) => Promise<void>)('two again');
      await (second!.submit as (value: unknown) => Promise<void>)(null);
      await (first!.submit as (value: unknown) => Promise<void>)(null);
      await seen(undefined);
    });

    for (const how of ['submit(null)', 'destroy()']) {
      it(`shows a tab its own value, and nothing when all have gone by ${how}`, async () => {
        const [one, two] = [openTab(), openTab()];
        const present = presentUsers<Shown>(two, room);
        const seen = (): string | undefined => present.users[0]?.values.get('same')?.user;
        show(one, 'same', {user: 'one'});
        await until('it is shown', () => seen() === 'one');
        show(two, 'same', {user: 'two'});
        await until('its own is shown', () => seen() === 'two');
        for (const tab of [one, two]) {
          if (how === 'destroy()') await (tab.getPresence(room).localPresences['same']!.destroy as () => Promise<void>)();
          else show(tab, 'same', null);
        }
        await until('all have gone', () => seen() === undefined);
        if (how === 'destroy()') await until('there is no value', () => valueFor(two) === undefined);
      });
    }

    it('tells each tab of its own submits, and the one that leaves of the one that stays', async () => {
      const [one, two] = [openTab(), openTab()];
      const [first, second] = [one, two].map(tab => tab.getPresence(room).create('same'));
      await new Promise<void>((resolve, reject) => { one.getPresence(room).subscribe(error => { if (error) reject(error as never); else resolve(); }); });
      for (const value of [1, 2, 3]) await (first!.submit as (value: unknown) => Promise<void>)(value);
      await (second!.submit as (value: unknown) => Promise<void>)('second');
      await (first!.submit as (value: unknown) => Promise<void>)(4);
      await (first!.destroy as () => Promise<void>)();
      await until('the other one is shown', () => one.getPresence(room).remotePresences['same'] === 'second');
    });
  });
});
