import {expect} from 'chai';
import {JSDOM} from 'jsdom';
import Backend from 'sharedb';
import {logger, type Connection} from 'sharedb/lib/client/index.js';
import {Host, InMemoryStorage, type HostOptions} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {mountInspector, type MountedInspector, type MountOptions} from '../../lib/inspector.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

describe('what the user does in the inspector', () => {
  let backend: Backend;
  let server: Connection;
  let host: Host;
  let channel: ReturnType<typeof memoryChannels>;
  let connection: ProxyConnection;
  let inspector: MountedInspector;
  let dom: JSDOM;
  /** What the user was asked, and answers. */
  let asked: string[];
  let agrees: boolean;
  /** The files that the page has given the user. */
  let files: {name: string; text: string}[];

  beforeEach(() => {
    backend = new Backend();
    channel = memoryChannels();
    [asked, agrees, files] = [[], true, []];
    dom = new JSDOM('<!doctype html><body></body>');
    const {window} = dom;
    let text = '';
    // jsdom has none of these.
    Object.assign(window, {
      confirm: (question: string) => {
        asked.push(question);
        return agrees;
      },
      Blob: class {
        constructor(readonly parts: string[]) {}
      }
    });
    Object.assign(window.URL, {
      createObjectURL: ({parts}: {parts: string[]}) => {
        text = parts.join('');
        return 'blob:file';
      },
      revokeObjectURL: () => {}
    });
    window.HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
      files.push({name: this.download, text});
    };
    start();
  });

  afterEach(() => {
    inspector?.close();
    end();
  });

  function start(store: HostOptions['store'] = false): void {
    server = backend.connect();
    host = new Host({connection: server, channel, store, place: 'shared-worker', mirror: false, warn: () => {}});
    connection = new ProxyConnection({channel, warn: () => {}});
  }

  function end(): void {
    connection.close();
    host.close();
  }

  function open(view: string, options: MountOptions = {}): void {
    inspector = mountInspector(connection, {parent: dom.window.document.body, ...options});
    button(view).click();
  }

  const root = (): ShadowRoot => inspector.element.shadowRoot!;
  const panel = (): HTMLElement => root().querySelector('[role=tabpanel]')!;
  const shows = (...texts: string[]): Promise<void> =>
    until(`it shows ${texts.join(', ')}`, () => texts.every(text => panel().textContent!.includes(text)));
  const button = (name: string): HTMLElement =>
    [...root().querySelectorAll('button')].find(one => one.textContent === name || one.getAttribute('aria-label') === name)!;
  const box = (label: string): HTMLInputElement => root().querySelector(`input[aria-label="${label}"]`)!;
  const whats = (): string[] => [...panel().querySelectorAll('tbody tr')].map(row => row.lastElementChild!.textContent!);
  const file = async (): Promise<{name: string; text: string}> => {
    await until('there is a file', () => files.length > 0);
    return files.pop()!;
  };

  it('discards a dead letter if the user agrees, and exports all of them', async () => {
    await connection.get('notes', 'one').create({n: 1});
    backend.use('submit', (_context, next) => next(new Error('Read only')));
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]).catch(() => {});
    open('Store');
    await shows('Read only', 'notes/one');
    button('Export dead letters').click();
    const {name, text} = await file();
    expect(name).to.equal('dead-letters.json');
    const letters = await connection.deadLetters.list();
    expect(JSON.parse(text)).to.eql(JSON.parse(JSON.stringify(letters)));
    expect(letters).to.have.length(1);
    agrees = false;
    button('Discard the edit of notes/one').click();
    expect(asked.splice(0)).to.eql(["Discard the refused edit of notes/one? It can't be undone."]);
    expect(await connection.deadLetters.list()).to.have.length(1);
    agrees = true;
    button('Discard the edit of notes/one').click();
    await shows('The server has refused no edit.');
    expect(await connection.deadLetters.list()).to.eql([]);
  });

  it('restores, discards and exports what is quarantined', async () => {
    const storage = new InMemoryStorage();
    end();
    start({storage});
    server.close();
    for (const id of ['a', 'b']) connection.get('notes', id).create({id}, () => {});
    await until('the host has them', () => connection.status.pendingDocs === 2);
    await connection.flushWrites();
    end();
    await host.whenClosed;
    let isKeyThere = false;
    start({storage, cipher: {
      encrypt: (text: string) => text,
      decrypt: (text: string) => { if (isKeyThere) return text; throw new Error('There is no key'); }
    }});
    await until('they are quarantined', () => connection.status.quarantined === 2);
    open('Store');
    await shows('notes/a', 'notes/b', 'There is no key');
    button('Restore notes/a').click();
    await until('it is told', () => root().querySelector('[role=status]')!.textContent!.startsWith('Restore failed: '));
    isKeyThere = true;
    button('Export quarantine').click();
    const {name, text} = await file();
    expect(name).to.equal('quarantine.json');
    expect((JSON.parse(text) as {key: string[]}[]).map(({key}) => key[1]).sort()).to.eql(['a', 'b']);
    button('Restore notes/a').click();
    await until('it is gone', () => !panel().textContent!.includes('notes/a'));
    const onServer = backend.connect().get('notes', 'a');
    await until('the server has its edits', () => new Promise<boolean>(resolve => onServer.fetch(() => resolve(onServer.version! > 0))));
    agrees = false;
    button('Discard the stored data of notes/b').click();
    expect(asked).to.eql(["Discard the stored data of notes/b? This can't be undone."]);
    expect(await connection.quarantine.list()).to.have.length(1);
    agrees = true;
    button('Discard the stored data of notes/b').click();
    await shows('Nothing is quarantined.');
    expect(await connection.quarantine.list()).to.eql([]);
  });

  it('shows one kind of messages, and no new ones while it is paused', async () => {
    open('Timeline');
    await connection.get('notes', 'one').create({n: 1});
    await shows('op notes/one', 'edits are unsaved');
    const kind = root().querySelector<HTMLSelectElement>('select[aria-label="Filter by kind"]')!;
    const choose = (value: string): void => {
      kind.value = value;
      kind.dispatchEvent(new dom.window.Event('change'));
    };
    choose('op');
    expect(whats()).to.have.length.above(0);
    expect(whats().filter(what => !what.startsWith('op '))).to.eql([]);
    choose('state');
    expect(whats()).to.include('edits are unsaved');
    expect(whats().filter(what => what.startsWith('op '))).to.eql([]);
    choose('');
    box('Pause').click();
    await connection.get('notes', 'two').create({n: 1});
    // A filter draws the lines at once, also those of the pause.
    choose('state');
    expect(whats()).to.include('edits are unsaved');
    choose('op');
    expect(whats()).not.to.include('edits are unsaved');
    expect(panel().textContent).to.include('op notes/one').and.not.include('op notes/two');
    box('Pause').click();
    expect(panel().textContent).to.include('op notes/two');
  });

  it('copies the report, or saves it if there is no clipboard', async () => {
    await connection.get('notes', 'one').create({secret: 'rosebud'});
    open('Overview');
    await shows('shared-worker');
    button('Copy report').click();
    const {name, text} = await file();
    expect(name).to.equal('report.json');
    const copied: string[] = [];
    Object.defineProperty(dom.window.navigator, 'clipboard', {value: {writeText: async (what: string) => void copied.push(what)}});
    button('Copy report').click();
    await until('it is copied', () => copied.length > 0);
    expect(files).to.eql([]);
    for (const json of [text, copied[0]!]) {
      expect(JSON.parse(json)).to.include({place: 'shared-worker'}).and.to.have.nested.property('docList[0].id', 'one');
      expect(json).not.to.include('rosebud');
    }
  });

  it("shows documents' data from the start with the option for it", async () => {
    await connection.get('notes', 'one').create({secret: 'rosebud'});
    open('Timeline', {showData: true});
    expect(box("Show documents' data").checked).to.equal(true);
    void connection.get('notes', 'one').submitOp([{p: ['more'], oi: 'snow'}]);
    await shows('op notes/one', 'snow');
    button('Documents').click();
    await until('there is a button', () => !!button('Data of notes/one'));
    button('Data of notes/one').click();
    await shows('"secret": "rosebud"');
  });

  it('shows the version, the revision and the followers of a document', async () => {
    const other = new ProxyConnection({channel});
    try {
      const doc = connection.get('notes', 'one');
      await doc.create({n: 1});
      await doc.submitOp([{p: ['n'], na: 1}]);
      await other.get('notes', 'one').subscribe();
      open('Documents');
      await shows('notes/one');
      const heads = [...panel().querySelectorAll('th')].map(({textContent}) => textContent);
      const cells = [...panel().querySelectorAll('td')].map(({textContent}) => textContent);
      const row = Object.fromEntries(heads.map((head, i) => [head, cells[i]]));
      const [reported] = host.inspect().docList;
      expect(row).to.include({Document: 'notes/one', Version: '2', Revision: String(reported!.revision), Followers: '2'});
      expect(reported!.revision).to.be.above(0);
    } finally {
      other.close();
    }
  });
});
