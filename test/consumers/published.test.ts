import {expect} from 'chai';
import {execute} from './execute.js';
import {createApp, runBin, tarball} from './package.js';
import {versions} from './versions.js';

describe('the packed package', function () {
  this.timeout(240_000);
  let app: string;

  before(async () => {
    app = await createApp('published', [versions.sharedb, versions.mingo, versions.publint, versions.attw]);
  });

  it('satisfies publint', () => runBin(app, 'publint', ['run', tarball, '--strict']));

  it('has types that are not wrong, for ES modules', () =>
    runBin(app, 'attw', [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color']));

  it("uses the app's own sharedb, so that types the app registers are known to it", async () => {
    const copies = JSON.parse(await execute('npm', ['query', '#sharedb'], app)) as unknown[];
    expect(copies).to.have.length(1);
    expect(await runScript(`
      import client from 'sharedb/lib/client/index.js';
      import {ProxyConnection} from 'sharedb-tabs';
      console.log(ProxyConnection.prototype instanceof client.Connection);
    `)).to.equal('true');
  });

  it('can be imported in Node, where there is no browser', async () => {
    expect(await runScript(`
      const names = ['sharedb-tabs', 'sharedb-tabs/worker', 'sharedb-tabs/host', 'sharedb-tabs/undo', 'sharedb-tabs/mongo-queries', 'sharedb-tabs/presence', 'sharedb-tabs/inspector'];
      const modules = await Promise.all(names.map(name => import(name)));
      console.log(modules.every(module => Object.keys(module).length > 0));
    `)).to.equal('true');
  });

  async function runScript(script: string): Promise<string> {
    return (await execute(process.execPath, ['--input-type=module', '--eval', script], app)).trim();
  }
});
