import {expect} from 'chai';
import type {ProxyDoc, TabConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noBlocking, noHostingInFrames} from './reasons.js';

inEveryEngine('a frame', open => {
  it('with an opaque origin (sandboxed) connects directly within some seconds, with a reason', async () => {
    const stage = await open();
    const frame = await stage.openFrame('sandbox');
    const begun = Date.now();
    await until('it has said how it is connected', () => frame.said().some(text => text.startsWith('mode: ')));
    const [mode] = frame.said().filter(text => text.startsWith('mode: '));
    expect(mode).to.match(/^mode: direct, .{10}/);
    console.log(`      ${mode}, after ${Date.now() - begun} ms`);
    await until('it has the document', () => frame.said().includes('document: shown'));
    await frame.type();
    await until('the server has what is typed there', async () => stage.count(frame.tab, await stage.servers.text()) === 1);
  });

  it('with its document in srcdoc shares the worker of other tabs, by a relative url', async () => {
    const stage = await open();
    const tab = await stage.openTab();
    await tab.page.evaluate(async () => {
      const frame = document.createElement('iframe');
      frame.srcdoc = await (await fetch('/')).text();
      document.body.append(frame);
    });
    await until('it is connected, and shows a document', () => tab.page.evaluate(() => {
      const {editor} = document.querySelector('iframe')!.contentWindow as unknown as {editor?: {connection?: TabConnection; doc?: ProxyDoc}};
      return editor?.connection?.mode === 'shared-worker' && editor.connection.state === 'connected' && !!editor.doc?.type;
    }));
    expect(stage.servers.sockets.total, 'WebSockets').to.equal(1);
  });
}, {'elected-tab': noHostingInFrames});

inEveryEngine('a browser that blocks site data', open => {
  it('lets a tab connect directly within some seconds, with a reason', async () => {
    const stage = await open({blocksSiteData: true});
    const tab = await stage.openTab('direct');
    const modes = await tab.page.evaluate(() => globalThis.modesSeen);
    expect(modes).to.have.length(1);
    expect(modes[0]).to.match(/^direct, .{10}/);
    console.log(`      ${modes[0]}`);
    const other = await stage.openTab('direct');
    await tab.typeSteadily(5);
    await other.untilItShows(tab);
    await stage.expectAllSaved([tab, other]);
  });
}, {'elected-tab': noHostingInFrames, WebKitGTK: noBlocking});
