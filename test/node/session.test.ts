import {expect} from 'chai';
import {Session, type Message, type SessionOptions} from '../../lib/broker/session.js';
import type {Batch} from '../../lib/protocol/frames.js';
import type {SessionId} from '../../lib/protocol/ids.js';

interface End {
  session: Session;
  received: Message[];
  posted: Batch[];
  broken: string[];
  malformed: string[];
}

/** One end of a session with its own clock. The test delivers the batches. */
function end(side: 'tab' | 'host', own: Partial<SessionOptions> = {}): End {
  const made: Omit<End, 'session'> = {received: [], posted: [], broken: [], malformed: []};
  const session = new Session({
    id: 'epoch/1' as SessionId,
    side,
    channel: {postMessage: batch => made.posted.push(batch as Batch), onmessage: null, close() {}},
    clock: {now: () => 0, after: () => () => {}},
    nextTick: () => {},
    onMessage: message => made.received.push(message),
    onMalformed: what => made.malformed.push(what),
    onBroken: reason => made.broken.push(reason),
    ...own
  });
  return Object.assign(made, {session});
}

function say(from: End, ...texts: string[]): Batch {
  for (const text of texts) from.session.send({a: text});
  from.session.flush();
  return from.posted.at(-1)!;
}

describe('a session of the broker', () => {
  it('sends the messages of one turn as one batch, in order', () => {
    const [tab, host] = [end('tab'), end('host')];
    host.session.receive(say(tab, 'one', 'two', 'three'));
    expect(tab.posted).to.have.length(1);
    expect(host.received.map(({a}) => a)).to.eql(['one', 'two', 'three']);
  });

  it('sends the first message after a pause at once if the other side is another process, and later ones with the next tick', async () => {
    const ticks: (() => void)[] = [];
    let time = 100;
    const {session, posted} = end('tab', {isApart: true, nextTick: tick => ticks.push(tick), clock: {now: () => time, after: () => () => {}}});
    const sent = (): string[] => posted.map(({messages}) => messages.map(text => (JSON.parse(text) as Message).a).join());
    session.send({a: 'one'});
    session.send({a: 'of the same turn'});
    expect(sent()).to.eql([]);
    await undefined;
    session.send({a: 'two'});
    session.send({a: 'three'});
    await undefined;
    expect(sent()).to.eql(['one,of the same turn']);
    for (const tick of ticks) tick();
    time += 4;
    session.send({a: 'four'});
    await undefined;
    expect(sent()).to.eql(['one,of the same turn', 'two,three', 'four']);
  });

  it('ends when a batch is missing', () => {
    const [tab, host] = [end('tab'), end('host')];
    say(tab, 'lost');
    host.session.receive(say(tab, 'late'));
    expect(host.received).to.eql([]);
    expect(host.broken).to.have.length(1);
  });

  it('ends when a batch arrives twice', () => {
    const [tab, host] = [end('tab'), end('host')];
    const batch = say(tab, 'one');
    host.session.receive(batch);
    host.session.receive(batch);
    expect(host.received).to.have.length(1);
    expect(host.broken).to.have.length(1);
  });

  it('ignores the batches of another epoch, and its own', () => {
    const [tab, host] = [end('tab'), end('host')];
    host.session.receive({...say(tab, 'one'), session: 'other/1' as SessionId});
    host.session.receive(say(host, 'echo'));
    expect([host.received, host.broken]).to.eql([[], []]);
  });

  it('acknowledges after a pause even without messages', () => {
    const [tab, host] = [end('tab'), end('host')];
    for (let i = 0; i < 16; i++) host.session.receive(say(tab, 'more'));
    host.session.flush();
    tab.session.receive(host.posted[0]!);
    expect(host.posted).to.have.length(1);
    expect(tab.session.progress.acknowledgedBatches).to.equal(16);
  });

  it('gives up a side that is too far behind', () => {
    const host = end('host');
    for (let i = 0; i < 5000 && !host.broken.length; i++) say(host, 'stream');
    expect(host.broken).to.eql(['the other side is too far behind']);
  });

  it('reports malformed messages, and continues', () => {
    const [tab, host] = [end('tab'), end('host')];
    tab.session.send('{"a":');
    tab.session.send('[]');
    host.session.receive(say(tab, 'good'));
    expect(host.malformed).to.have.length(2);
    expect(host.received).to.eql([{a: 'good'}]);
  });

  it('settles each call exactly once, with the answer', async () => {
    const [tab, host] = [end('tab'), end('host', {onCall: (name, args) => ({name, args})})];
    const answer = tab.session.call('ask', 7, 1000);
    host.session.receive(say(tab));
    await Promise.resolve().then(() => {}).then(() => {}).then(() => {});
    const reply = say(host);
    tab.session.receive(reply);
    expect(await answer).to.eql({name: 'ask', args: 7});
  });

  it('rejects a call with the error of the other side, with its code', async () => {
    const failing = (): never => { throw Object.assign(new Error('no'), {code: 'ERR_NO'}); };
    const [tab, host] = [end('tab'), end('host', {onCall: failing})];
    const answer = tab.session.call('ask', 7, 1000).catch((error: unknown) => error);
    host.session.receive(say(tab));
    await new Promise(resolve => setImmediate(resolve));
    tab.session.receive(say(host));
    expect(await answer).to.include({code: 'ERR_NO', message: 'no'});
  });

  it('rejects open calls when it ends, and later calls', async () => {
    const tab = end('tab');
    const open = tab.session.call('ask', 7, 1000).catch((error: unknown) => error);
    tab.session.end();
    expect(await open).to.include({code: 'ERR_TABS_SESSION_ENDED'});
    expect(await tab.session.call('ask', 7, 1000).catch((error: unknown) => error)).to.include({code: 'ERR_TABS_SESSION_ENDED'});
  });

  it('rejects a call that is not answered in time', async () => {
    const timers: (() => void)[] = [];
    const tab = end('tab', {clock: {now: () => 0, after: (_ms, callback) => { timers.push(callback); return () => {}; }}});
    const answer = tab.session.call('ask', 7, 1000).catch((error: unknown) => error);
    timers[0]!();
    expect(await answer).to.include({code: 'ERR_TABS_TIMEOUT'});
  });
});
