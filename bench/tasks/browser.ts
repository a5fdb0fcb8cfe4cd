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
  const {bare, ours, startBare, startOurs} = await page.evaluate(async () => {
    while (!('measure' in globalThis)) await new Promise(resolve => setTimeout(resolve, 10));
    return (globalThis as unknown as {measure(rounds: number, count: number): Promise<Record<string, number[]>>}).measure(20, 200);
  });
  const [a, b, c, d] = [bare!, ours!, startBare!, startOurs!].map(spreadOf);
  process.stdout.write(tableOf([{title: `An empty task, one after the other, in ${title}`, figures: [
    {what: 'bare messages', measured: a!, unit: 'µs'},
    {what: 'sharedb-tabs', measured: b!, unit: 'µs', ratios: {'bare messages': b!.p50 / a!.p50}, goal: '≤ 1.1 × bare messages'},
    {what: 'bare Worker, its start and one message there and back', measured: c!},
    {what: 'a new pool, a function as source', measured: d!, ratios: {bare: d!.p50 / c!.p50}, goal: '≤ 1.2 × bare'}
  ]}]) + '\n');
} finally {
  await browser.close();
  server.close();
}
process.exit(0);
