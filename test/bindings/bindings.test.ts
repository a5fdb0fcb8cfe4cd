import {expect} from 'chai';
import {type Binding, bindings} from './bindings.js';
import {browsers} from './browsers.js';
import {type RunningBrowser, BindingStage} from './stage.js';
import type {Tab} from './tab.js';

const start = 'nothing here is precious';
// The scripts contain mistakes that are corrected. Nobody else uses these characters: codemirror-ot drops an edit that equals an
// earlier one of its own, also with ShareDB's connection.
const scripts = [
  {typed: '01234#⌫56789'.repeat(4), meant: '0123456789'.repeat(4), others: /[^0-9#]/g},
  {typed: 'ABCDEFGHIJKLM@⌫NOPQRSTUVWXYZ'.repeat(2), meant: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.repeat(2), others: /[^A-Z@]/g}
];

for (const kind of browsers) {
  describe(kind.title, () => {
    const running = {kind} as RunningBrowser;

    before(`start ${kind.title}`, async function () {
      this.timeout(180_000);
      running.browser = await kind.launch();
    });

    after(`stop ${kind.title}`, () => running.browser?.close());

    for (const binding of bindings) {
      describe(binding.title, function () {
        this.timeout(180_000);
        testBinding(binding, running);
      });
    }
  });
}

function testBinding(binding: Binding, running: RunningBrowser): void {
  let stage: BindingStage;
  let tabs: [Tab, Tab];
  let remoteEdits = 0;

  beforeEach(async () => {
    stage = await BindingStage.open(binding, running, start);
    tabs = [await stage.openTab(), await stage.openTab()];
  });

  afterEach(() => stage.close());

  it('shows edits of the other tab and of another client', async () => {
    const [first, second] = tabs;
    await first.untilText(start);
    await first.typeAtEnd(' one');
    await second.untilText(`${start} one`);
    await second.typeAtEnd(' two');
    await first.untilText(`${start} one two`);
    await stage.editRemotely(0, 'nothing', 'much');
    for (const tab of tabs) await tab.untilText('much here is precious one two');
    expect(await theText()).to.equal('much here is precious one two');
  });

  it('has all edits that tabs and another client make at the same time, each in order', async () => {
    const {typists} = running.kind;
    const typing = scripts.slice(0, typists).map((script, i) => ({...script, tab: tabs[i]!}));
    for (const {tab} of typing) await tab.putCursorAtEnd();
    await Promise.all(typing.map(({tab, typed}) => typeAmongEdits(tab, typed)));
    const text = await theText();
    for (const {meant, others} of typing) expect(text.replace(others, '')).to.equal(meant);
    expect(text.replace(/[0-9A-Z•◦]/g, '')).to.equal(start);
    expect(stage.server.sockets('/tabs')).to.eql({open: 1, total: 1});
  });

  it('has all edits made while the server is unreachable, and those of another client later', async () => {
    const [first, second] = tabs;
    await stage.stopServer();
    for (const tab of tabs) await tab.until('it knows', ({state}) => state !== 'connected');
    await first.typeAtEnd(' one');
    await second.untilText(`${start} one`);
    await second.typeAtEnd(' two');
    await first.untilText(`${start} one two`);

    await stage.server.start();
    await stage.connectRemotely();
    await stage.editRemotely(0, 'nothing', 'much');
    expect(await theText()).to.equal('much here is precious one two');
  });

  if (binding.canUndo) {
    it("undoes and redoes edits of this tab, and none of others, also while the server is unreachable", async () => {
      const [first, second] = tabs;
      await first.enterAtEnd(' one');
      await second.untilText(`${start} one`);
      await second.typeAtEnd(' two');
      await stage.editRemotely(0, 'nothing', 'much');
      for (const tab of tabs) await tab.untilText('much here is precious one two');
      await first.undo();
      for (const tab of tabs) await tab.untilText('much here is precious two');
      await stage.stopServer();
      for (const tab of tabs) await tab.until('it knows', ({state}) => state !== 'connected');
      await first.redo();
      for (const tab of tabs) await tab.untilText('much here is precious one two');
      await first.undo();
      for (const tab of tabs) await tab.untilText('much here is precious two');
      await stage.server.start();
      await stage.connectRemotely();
      expect(await theText()).to.equal('much here is precious two');
    });
  }

  if (binding.canDetach) {
    it('is removed from document and editor when it is detached', async () => {
      const [first, second] = tabs;
      expect((await first.look()).events).not.to.eql([]);
      await first.detach();
      expect((await first.look()).events).to.eql([]);

      await second.typeAtEnd(' two');
      await first.until('its document has it', ({data}) => binding.format.textOf(data) === `${start} two`);
      await first.typeAtEnd(' one');
      await first.untilText(`${start} one`);
      const {data, hasPending} = await first.look();
      expect(binding.format.textOf(data)).to.equal(`${start} two`);
      expect(hasPending).to.equal(false);
    });
  }

  /** For each key, another client edits as well, before the key's op can have arrived there. */
  async function typeAmongEdits(tab: Tab, text: string): Promise<void> {
    for (const key of text) await Promise.all([tab.type(key), moveBullets()]);
  }

  /** Another client inserts a bullet somewhere; if there are many, it replaces or removes one. */
  function moveBullets(): Promise<void> {
    const {remoteText} = stage;
    const count = remoteText.split('•').length - 1;
    const at = (remoteEdits++ * 7) % (remoteText.length + 1);
    if (count < 10) return stage.editRemotely(at, '', '•');
    return stage.editRemotely(remoteText.indexOf('•'), '•', at % 2 ? '◦' : '');
  }

  /** The text that all editors, all documents and the server have. */
  async function theText(): Promise<string> {
    const texts = await stage.settledTexts();
    const [[, text]] = Object.entries(texts) as [[string, string]];
    for (const [where, other] of Object.entries(texts)) expect(other, where).to.equal(text);
    return text;
  }
}
