import {readdirSync, readFileSync} from 'node:fs';

/** Reads Linux's process files; on other systems these functions fail with a message. */

/** The processes that a process has started, and those that they have started. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of list()) {
    const parent = statOf(Number(name))?.parent;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const isDescendant = (child: number): boolean => {
    const parent = parents.get(child);
    return parent !== undefined && (parent === pid || isDescendant(parent));
  };
  return [...parents.keys()].filter(isDescendant);
}

/** The process that works most while something runs for this many milliseconds. */
export async function busiestOf(processes: () => number[], work: (milliseconds: number) => Promise<unknown>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const before = new Map(processes().map(pid => [pid, statOf(pid)?.ticks ?? 0]));
    // On a busy machine the page gets only a part of that time.
    await work(400 * attempt);
    const worked = processes()
      .map(pid => ({pid, ticks: (statOf(pid)?.ticks ?? 0) - (before.get(pid) ?? 0)}))
      .sort((a, b) => b.ticks - a.ticks);
    const [first, second] = worked;
    if (first && first.ticks >= 10 && first.ticks >= 2 * (second?.ticks ?? 0)) return first.pid;
    // Other processes may have been busy, too.
    if (attempt === 5) throw new Error(`No process stands out: ${JSON.stringify(worked.slice(0, 3))}`);
  }
}

/** Whether a process has not ended. A zombie counts as ended. */
export function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z';
}

function list(): string[] {
  try {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name));
  } catch (cause) {
    throw new Error('This needs to know the processes of a browser, which only Linux tells', {cause});
  }
}

function statOf(pid: number): {state: string; parent: number; ticks: number} | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may have spaces; see proc(5) for the fields after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {state: fields[0]!, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12])};
  } catch {
    return undefined;
  }
}
