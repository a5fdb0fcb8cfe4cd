import {expect} from 'chai';
import {acquireHostLock} from '../../lib/election/host-lock.js';
import {parseGreetingMessage} from '../../lib/protocol/greeting-guards.js';
import {greetingChannelName} from '../../lib/protocol/version.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {Browser} from '../support/browser.js';

describe('the host lock', () => {
  let browser: Browser;
  let told: string[];
  const leave = new Map<string, () => void>();

  beforeEach(() => {
    browser = new Browser(new Random(1));
    told = [];
    const {channel} = browser.process();
    channel(greetingChannelName('default')).onmessage = ({data}) => {
      const message = parseGreetingMessage(data);
      if (message?.type === 'candidate') told.push(`a candidate of build ${message.build}`);
    };
  });

  function stand(name: string, signal = new AbortController().signal): void {
    const {locks, channel} = browser.process();
    acquireHostLock({namespace: 'default', build: name, steal: false, locks, channel, signal, onWaiting: () => told.push(`${name} waits`)}, () => {
      told.push(`${name} serves`);
      return new Promise(resolve => leave.set(name, resolve));
    }, () => told.push(`${name} has lost it`));
  }

  it('is acquired at once if it is free; otherwise the holder is notified, and the host waits', async () => {
    stand('one');
    await until('the first serves', () => told.length === 1);
    stand('two');
    await until('the second one waits, and says so', () => told.length === 3);
    leave.get('one')!();
    await until('the second one serves', () => told.length === 4);
    expect(told).to.eql(['one serves', 'two waits', 'a candidate of build two', 'two serves']);
  });

  it('is not requested any more after a stop', async () => {
    stand('one');
    await until('the first serves', () => told.length === 1);
    const end = new AbortController();
    stand('two', end.signal);
    await until('the second one waits', () => told.includes('two waits'));
    end.abort();
    leave.get('one')!();
    stand('three');
    await until('the third one serves', () => told.includes('three serves'));
    expect(told).to.not.include('two serves');
  });
});
