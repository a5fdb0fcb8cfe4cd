import {expect} from 'chai';
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

describe('a page that imports only maps', () => {
  it('loads the code of transactions with its first update()', async () => {
    const script = fileURLToPath(new URL('map-alone.ts', import.meta.url));
    const {stdout} = await promisify(execFile)(process.execPath, ['--import', 'tsx', script]);
    expect(JSON.parse(stdout)).to.eql({before: false, values: [1, 2], after: true});
  });
});
