import {expect} from 'chai';
import richText from 'rich-text';
import Backend from 'sharedb';
import ShareDB from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

ShareDB.types.register(richText.type);

interface Range {
  index: number;
  length: number;
}

describe('a presence in a document that is being loaded', () => {
  let backend: Backend;
  let host: Host;
  let tabs: ProxyConnection[];
  let errors: unknown[];
  /** The presence that the other tab has received. */
  let heard: unknown[];
  /** Requests that the server has received and not answered. */
  let held: (() => void)[] | undefined;

  beforeEach(() => {
    backend = new Backend({presence: true, doNotForwardSendPresenceErrorsToClient: true});
    held = undefined;
    backend.use('receive', ({data}, next) => {
      if ((data as {a?: string}).a === 's' && held) held.push(next);
      else next();
    });
    const channel = memoryChannels();
    host = new Host({connection: backend.connect(), channel});
    tabs = [new ProxyConnection({channel}), new ProxyConnection({channel})];
    errors = [];
    heard = [];
    tabs[1]!.on('receive', ({data}) => { if ((data as {a?: string}).a === 'p') heard.push((data as {p?: unknown}).p); });
    for (const tab of tabs) tab.on('error', error => errors.push(error));
  });
  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    expect(errors).to.eql([]);
  });

  const docOf = (tab: number): ProxyDoc => tabs[tab]!.get('notes', 'one');
  const presenceOf = (tab: number) => tabs[tab]!.getDocPresence('notes', 'one');

  /** Shows a presence in one tab. The other tab has requested the document and its presence. */
  async function bePresent(): Promise<{submit(range: Range | null): Promise<void>}> {
    await docOf(0).create([{insert: 'Hello'}], richText.type.uri);
    const local = presenceOf(0).create('me');
    const submit = (range: Range | null) => new Promise<void>((resolve, reject) => {
      local.submit(range, error => error ? reject(error) : resolve());
    });
    await submit({index: 5, length: 0});
    held = [];
    docOf(1).subscribe();
    await until('the document is being loaded', () => held!.length > 0);
    presenceOf(1).subscribe();
    await untilHeard({index: 5, length: 0});
    return {submit};
  }

  const untilHeard = (range: Range | null): Promise<void> =>
    until('the other tab has heard of it', () => heard.some(value => JSON.stringify(value) === JSON.stringify(range)));

  async function finishLoading(): Promise<void> {
    for (const next of held!.splice(0)) next();
    held = undefined;
    await until('the document is there', () => docOf(1).data !== undefined);
  }

  it('is shown when the document is loaded, and is transformed by edits', async () => {
    await bePresent();
    const {remotePresences} = presenceOf(1);
    await finishLoading();
    await until('it is shown', () => !!remotePresences['me']);
    await docOf(0).submitOp([{insert: 'Oh. '}]);
    await until('the document is up to date', () => docOf(1).version === docOf(0).version);
    expect(remotePresences['me']).to.eql({index: 9, length: 0});
  });

  it('may be withdrawn meanwhile', async () => {
    const {submit} = await bePresent();
    await submit(null);
    await untilHeard(null);
    await finishLoading();
    await docOf(1).whenNothingPending();
    expect(presenceOf(1).remotePresences).to.eql({});
  });
});
