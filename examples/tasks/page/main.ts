import {task, WorkerPool} from 'sharedb-tabs/tasks';
import type {History, TextOp} from '../history.js';
import {WorstFrame} from './frames.js';
import {type Found, type Part, search, split} from './versions.js';

const PART = 50;
const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const [word, bar, status, results] = [element<HTMLInputElement>('word'), element<HTMLProgressElement>('bar'), element('status'), element('results')];
const frames = new WorstFrame(ms => { element('worst').textContent = `${ms.toFixed(0)} ms`; });

// The bundler finds the file, and this works with a strict Content-Security-Policy.
const pool = new WorkerPool(() => new Worker(new URL('./history.worker.js', import.meta.url), {type: 'module'}));
const splitTask = task<[string, TextOp[], number], Part[]>('split');
const searchTask = task<[Part, string], Found[]>('search');

const history = fetch('history.json').then(response => response.json() as Promise<History>);
let current: AbortController | undefined;

async function inThreads({text, ops}: History, signal: AbortSignal): Promise<Found[]> {
  const parts = await pool.run(splitTask, [text, ops, PART], {signal});
  let done = 0;
  bar.max = parts.length;
  const wanted = word.value;
  const found = await Promise.all(parts.map(async part => {
    const own = await pool.run(searchTask, [part, wanted], {signal});
    bar.value = ++done;
    return own;
  }));
  return found.flat();
}

/** The same on the page's own thread, for comparison. */
async function here({text, ops}: History): Promise<Found[]> {
  const parts = split(text, ops, PART);
  bar.max = bar.value = parts.length;
  return parts.flatMap(part => search(part, word.value));
}

async function run(act: (history: History, signal: AbortSignal) => Promise<Found[]>): Promise<void> {
  current?.abort();
  const controller = current = new AbortController();
  bar.value = 0;
  status.textContent = 'searching…';
  results.replaceChildren();
  const given = await history;
  frames.restart();
  const begun = performance.now();
  try {
    const found = await act(given, controller.signal);
    status.textContent = `${found.length} of ${given.ops.length + 1} versions, in ${(performance.now() - begun).toFixed(0)} ms`;
    results.replaceChildren(...found.slice(0, 100).map(row));
  } catch (error) {
    if (controller === current) status.textContent = String(error);
  }
}

function row({version, before, after}: Found): HTMLElement {
  const item = document.createElement('li');
  const line = (kind: string, text: string): HTMLElement => Object.assign(document.createElement(kind), {textContent: text});
  item.append(`version ${version} `, line('del', before), line('ins', after));
  return item;
}

element('threads').addEventListener('click', () => void run(inThreads));
element('here').addEventListener('click', () => void run(here));
element('stop').addEventListener('click', () => current?.abort());
