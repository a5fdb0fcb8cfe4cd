import {expect} from 'chai';
import * as tasks from '../../lib/tasks-node.js';
import {resultsOfScripts, scriptsOf} from './scripts.js';

/** Browsers run the same scripts: test/engines/tasks. */
describe('scripts that use tasks', function () {
  this.timeout(120_000);
  const scripts = scriptsOf(tasks);

  it('run: a loop, arithmetic, text, Fibonacci, an error, three at once', async () => {
    expect(await scripts.script()).to.eql(resultsOfScripts.script);
  });

  it('process an image that is moved there and back, and map many items', async () => {
    expect(await scripts.processor()).to.eql(resultsOfScripts.processor);
  });

  it('send items through stages of a pipeline, on threads and on this one', async () => {
    expect(await scripts.stages()).to.eql(resultsOfScripts.stages);
  });
});
