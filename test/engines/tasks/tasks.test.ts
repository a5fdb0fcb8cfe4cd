import {expect} from 'chai';
import {resultsOfScripts} from '../../tasks/scripts.js';
import {until} from '../../waiting/until.js';
import {sharedBrowser} from '../browsers.js';
import {engines, type Page} from '../drivers/index.js';
import type {CaseName} from './page/main.js';
import {buildPage, type Policy, serve} from './stage.js';

type Failure = {name: string; code?: string; message: string; cause?: string};

describe('functions on other threads', () => {
  let files: ReadonlyMap<string, string>;
  before('build the page', async () => { files = await buildPage(); });

  for (const engine of engines) {
    describe(engine.title, function () {
      this.timeout(120_000);

      /** Runs cases in the page of a server with this policy. Each returns the result of a case. */
      const withPolicy = (policy: Policy, tests: (run: (name: CaseName) => Promise<any>) => void): void => void describe(policy, () => {
        let page: Page;
        let server: Awaited<ReturnType<typeof serve>>;
        before(async () => {
          server = await serve(files, policy);
          page = await (await sharedBrowser(engine)).newPage();
          await page.goto(server.url);
          await until('the script has run', () => page.evaluate(() => 'runCase' in globalThis));
        });
        after(async () => {
          await page?.close();
          await server?.close();
        });
        tests(name => page.evaluate(given => (globalThis as unknown as {runCase(name: string): Promise<any>}).runCase(given), name));
      });

      withPolicy('no policy', run => {
        it('run: a loop, arithmetic, text, Fibonacci, an error, three at once', async () => {
          expect(await run('script')).to.eql(resultsOfScripts.script);
        });

        it('process an image that is transferred in both directions, and map many items', async () => {
          expect(await run('processor')).to.eql(resultsOfScripts.processor);
        });

        it('are stages of a pipeline', async () => {
          expect(await run('stages')).to.eql(resultsOfScripts.stages);
        });

        it('are refused when they use names from outside', async () => {
          expect(await run('closure')).to.include({code: 'ERR_TASK_CLOSURE'});
        });

        it('throw errors that arrive with class, name, code, fields and causes', async () => {
          expect(await run('errors')).to.eql({
            isRange: true, name: 'Broken', code: 'E_BROKEN', row: 3, cause: 'deep',
            isAggregate: true, errors: ['Error: one', 'TypeError: two'], isDOMException: true, dom: 'QuotaExceededError'
          });
        });

        it('reject when their thread closes itself, and another thread replaces it', async () => {
          const {closed, ...rest} = await run('closing');
          expect(closed).to.include({code: 'ERR_TASK_THREAD_LOST'});
          expect(rest).to.eql({after: 'usable', lost: 1});
        });

        it('run again after a lost thread, as often as the option `retry` allows', async () => {
          expect(await run('retry')).to.eql({once: 'ERR_TASK_THREAD_LOST', twice: 2, lost: 4});
        });

        it('run in the thread of their key while it lives, or in an idle one after `stealAfter`', async () => {
          expect(await run('affinity')).to.eql({isApart: true, isStolen: true, stays: true, moved: true});
        });

        it('end by a time-out while they allocate memory, and affect no other task', async () => {
          expect(await run('memory')).to.eql({code: 'ERR_TASK_TIMEOUT', others: [2, 3, 4], after: [1, 2]});
        });

        it('leave late errors that affect neither another task nor the page', async () => {
          expect(await run('late')).to.eql({others: [1, 2, 3, 4], isLate: true, pageErrors: 0});
        });

        it('end by abort and by time-out, and affect no other task', async () => {
          const {aborted, late, ...rest} = await run('ending');
          expect(aborted).to.include({name: 'AbortError', cause: 'enough'});
          expect(late).to.include({name: 'TimeoutError', code: 'ERR_TASK_TIMEOUT'});
          expect(rest).to.eql({other: 'other', after: 'after'});
        });

        it('stream values until the consumer leaves the loop', async () => {
          expect(await run('streams')).to.eql({first: 5, last: 24, active: 0});
        });

        it('take part in structured concurrency', async () => {
          expect(await run('concurrency')).to.eql({all: [2, 'here'], first: 'won', late: 'TimeoutError', active: 0});
        });

        it('settle once, with the right result, whatever happens to threads', async () => {
          expect(await run('chaos')).to.eql({wrong: 0, active: 0, queued: 0});
        });

        it('are refused if the script of the pool is missing', async () => {
          expect(await run('missing')).to.include({code: 'ERR_TASK_NO_THREADS'});
        });

        it("run in threads of the app's own file, also of a script by name", async () => {
          expect(await run('fileThreads')).to.eql({exposed: 3, module: 12});
          expect(await run('scriptByName')).to.equal(4);
        });

        it('are refused in shared workers, which have no threads', async () => {
          const {code, cause} = await run('sharedWorker') as {code?: string; cause?: string};
          expect(code).to.equal('ERR_TASK_NO_THREADS');
          expect(cause).to.contain('Shared and service workers have no threads').and.to.contain('Pools live in pages and dedicated workers');
        });

        it('run in threads of a dedicated worker, and are refused, lost and timed out there as in a page', async () => {
          const {silent, ...answer} = await run('dedicatedWorker');
          if (silent) console.warn(`${engine.title} has blocked ${silent} of the workers that started another one`);
          if (engine.title !== 'Firefox') expect(silent).to.equal(0);
          expect(answer).to.eql({
            mapped: [2, 3, 4], told: 'told', progress: [1], closure: 'ERR_TASK_CLOSURE', closed: 'ERR_TASK_THREAD_LOST', late: 'ERR_TASK_TIMEOUT', after: 'usable', threads: 0
          });
        });
      });

      withPolicy('a policy on the page', run => {
        it('are refused without a script, with an error that says what to do', async () => {
          const failure = await run('blobThreads') as Failure;
          expect(failure).to.include({code: 'ERR_TASK_NO_THREADS'});
          expect(failure.message).to.contain('Content-Security-Policy').and.to.contain('sharedb-tabs/tasks/thread');
        });

        it("run in threads of the app's own file: exposed ones, exports of modules, and as source", async () => {
          expect(await run('fileThreads')).to.eql({exposed: 3, module: 12});
          expect(await run('sourceInFileThreads')).to.eql({value: 2});
        });

        it('reject when their thread closes itself', async () => {
          expect(await run('closingFileThreads')).to.eql({code: 'ERR_TASK_THREAD_LOST', after: 2});
        });
      });

      withPolicy('a policy on all responses', run => {
        it("run in threads of the app's own file: exposed ones and exports of modules; source is refused with a reason", async () => {
          expect(await run('fileThreads')).to.eql({exposed: 3, module: 12});
          expect(await run('sourceInFileThreads')).to.eql({code: 'ERR_TASK_SYNTAX'});
          expect(await run('blobThreads')).to.include({code: 'ERR_TASK_NO_THREADS'});
        });
      });
    });
  }
});
