import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {expect} from 'chai';

const run = (script: string): Promise<{stdout: string}> => promisify(execFile)(
  process.execPath, ['--import', 'tsx', fileURLToPath(new URL(`scripts/${script}.ts`, import.meta.url))], {timeout: 30_000}
);

describe('a Node script with a host, a tab and real channels', function() {
  this.timeout(120_000);

  it('runs until its last request is answered, and then ends by itself', async () => {
    // Node ends with code 13 if an `await` is open and nothing keeps the process alive; the promise rejects then.
    expect((await run('awaits-everything')).stdout.trim()).to.equal('{"n":2}');
  });

  it('ends at once if no request is open', async () => {
    expect((await run('asks-nothing')).stdout.trim()).to.equal('ends');
  });
});
