import {expect} from 'chai';
import {readFile} from 'node:fs/promises';

describe('the text of threads', () => {
  it('equals the build of its sources', async () => {
    const {threadTextModule} = await import(new URL('../../thread-text.build.js', import.meta.url).href) as {threadTextModule(): Promise<string>};
    expect(await readFile(new URL('../../lib/tasks/thread-text.ts', import.meta.url), 'utf8')).to.equal(await threadTextModule());
  });
});
