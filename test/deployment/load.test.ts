import {expect} from 'chai';
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const script = fileURLToPath(new URL('../../examples/scale-out/load.ts', import.meta.url));

describe('the load test', function () {
  this.timeout(400_000);

  it('counts a third of the sockets and agents if each browser has three tabs', async () => {
    const {stdout} = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, '5', '3', '2']);
    for (const what of ['sockets', 'agents']) expect(stdout).to.contain(`| ${what} | 5 | 15 | 0.33 |`);
    expect(stdout).to.match(/\| all reconnect: messages to the servers \| \d+ \| \d+ \| 0\.\d\d \|/);
  });
});
