/* Compares an empty task with bare messages in a browser, in turns. `npx tsx bench/tasks/browser.ts [Chromium|Firefox|WebKitGTK]` */
import {build} from 'esbuild';
import {createServer} from 'node:http';
import {fileURLToPath} from 'node:url';
import {engines} from '../../test/engines/drivers/index.js';
import {listen} from '../../test/server/sharedb-server.js';
import {tableOf} from '../report.js';
import {spreadOf} from '../statistics.js';

const title = process.argv[2] ?? 'Chromium';
const root = fileURLToPath(new URL('../../', import.meta.url));
const {outputFiles} = await build({
  entryPoints: [`${root}bench/tasks/page/main.ts`], outdir: '/', bundle: true, minify: true, splitting: true, format: 'esm', write: false, target: 'es2022',
  alias: {'sharedb-tabs/tasks': `${root}lib/tasks.ts`}, ignoreAnnotations: true
});
const files = new Map(outputFiles.map(({path, text}) => [path, text]));
files.set('/', '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="/main.js"></script>');
const server = createServer(({url}, response) => {
  const content = files.get(url!);
  response.writeHead(content === undefined ? 404 : 200, {
    'content-type': url === '/' ? 'text/html' : 'text/javascript',
    // Enables precise clocks and shared memory.
    'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp'
  });
  response.end(content);
});
const port = await listen(server, 0, '127.0.0.1');
const browser = await engines.find(engine => engine.title === title)!.launch();
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  const measured = await page.evaluate(async () => {
    while (!('measure' in globalThis)) await new Promise(resolve => setTimeout(resolve, 10));
    return (globalThis as unknown as {measure(rounds: number, count: number): Promise<Record<string, number[]>>}).measure(150, 40);
  });
  const figure = (what: string, name: string, bare: string, more: {unit?: string; goal?: string} = {}) => {
    const [own, other] = [name, bare].map(key => spreadOf(measured[key]!)) as [ReturnType<typeof spreadOf>, ReturnType<typeof spreadOf>];
    return {what, measured: own, ratios: name === bare ? {} : {'bare, p50': own.p50 / other.p50, 'bare, p10': own.p10 / other.p10}, ...more};
  };
  process.stdout.write(tableOf([{title: `An empty task, one after the other, in ${title}`, figures: [
    figure('bare messages', 'bare', 'bare', {unit: 'µs'}),
    figure('bare messages with the content of ours', 'alike', 'bare', {unit: 'µs'}),
    figure('a thread of ours without a pool', 'thread', 'bare', {unit: 'µs'}),
    figure('sharedb-tabs', 'ours', 'bare', {unit: 'µs', goal: '≤ 1.1 × bare messages'}),
    figure('bare Worker, its start and one message there and back', 'startBare', 'startBare'),
    figure('the same, with a lock that tells its end', 'startLocked', 'startBare'),
    figure('a thread of ours without a pool', 'startThread', 'startBare'),
    figure('a new pool, a function as source', 'startOurs', 'startBare', {goal: '≤ 1.2 × bare'})
  ]}]) + '\n');
} finally {
  await browser.close();
  server.close();
}
process.exit(0);
