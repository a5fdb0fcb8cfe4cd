import {readdir, readFile} from 'node:fs/promises';

/** The resources that a browser has used, over all its processes. */
export interface Usage {
  /** CPU time so far, in ms. */
  cpu: number;
  /** Memory in MB. Each process has its part of the memory that processes share (PSS). */
  memory: number;
  processes: number;
}

/** Linux reports times in ticks, 100 a second on all platforms that have browsers. */
const TICK_MS = 10;

/** Sums up a process and all its descendants. Linux only: `/proc`. */
export async function usageOf(pid: number): Promise<Usage> {
  const usage: Usage = {cpu: 0, memory: 0, processes: 0};
  for (const {id, ticks} of await treeOf(pid)) {
    usage.cpu += ticks * TICK_MS;
    usage.memory += (await pssOf(id)) / 1024;
    usage.processes++;
  }
  return usage;
}

/** ms of CPU that a process and its descendants have used so far. */
export async function cpuOf(pid: number): Promise<number> {
  return (await treeOf(pid)).reduce((sum, {ticks}) => sum + ticks * TICK_MS, 0);
}

interface Stat {
  id: number;
  parent: number;
  ticks: number;
}

async function treeOf(root: number): Promise<Stat[]> {
  const names = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const stats = (await Promise.all(names.map(statOf))).filter(stat => !!stat);
  const tree = stats.filter(({id}) => id === root);
  for (const {id} of tree) tree.push(...stats.filter(({parent}) => parent === id));
  return tree;
}

/** @returns undefined for a process that has just ended */
async function statOf(name: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => undefined);
  if (!text) return undefined;
  // The program's name, in brackets, may hold anything (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {id: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12])};
}

async function pssOf(id: number): Promise<number> {
  const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
}
