/** What one transaction has read and written. Each write adds an element to the list of a key. */
export interface Done {
  id: string;
  /** The lists that the transaction has read, by key. */
  reads: Map<string, readonly string[]>;
  /** The keys to whose lists the transaction has added its id. */
  appends: Set<string>;
  /** The keys that the transaction has seen in a map, by the map's name. */
  structures: Map<string, readonly string[]>;
}

/**
 * Checks whether an order of the transactions, one at a time, gives what each has read and the final lists: the dependency graph has no
 * cycle.
 * @param final the final lists, by key `map/key`
 * @returns the problems found
 */
export function problemsOf(done: readonly Done[], final: ReadonlyMap<string, readonly string[]>): string[] {
  const problems: string[] = [];
  const edges = new Map<string, Set<string>>(done.map(({id}) => [id, new Set<string>()]));
  const before = (first: string | undefined, second: string | undefined): void => {
    if (first === undefined || second === undefined || first === second) return;
    if (!edges.has(first) || !edges.has(second)) problems.push(`${edges.has(first) ? second : first} is in a list, and was never made`);
    edges.get(first)?.add(second);
  };
  for (const {id, appends} of done) {
    for (const key of appends) {
      const times = (final.get(key) ?? []).filter(one => one === id).length;
      if (times !== 1) problems.push(`${id} is in ${key} ${times} times`);
    }
  }
  for (const list of final.values()) list.forEach((id, i) => before(list[i - 1], id));
  for (const {id, reads, structures} of done) {
    for (const [key, read] of reads) {
      const list = final.get(key) ?? [];
      if (read.some((one, i) => list[i] !== one)) problems.push(`${id} has read ${read.join()} of ${key}, which became ${list.join()}`);
      before(read.at(-1), id);
      before(id, list[read.length]);
    }
    for (const [map, keys] of structures) {
      for (const [key, [first]] of final) {
        if (!key.startsWith(`${map}/`)) continue;
        if (keys.includes(key)) before(first, id);
        else before(id, first);
      }
    }
  }
  const cycle = cycleIn(edges);
  if (cycle) problems.push(`a cycle: ${cycle.join(' -> ')}`);
  return problems;
}

function cycleIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const state = new Map<string, 'open' | 'done'>();
  for (const start of edges.keys()) {
    if (state.has(start)) continue;
    const path: {id: string; next: Iterator<string>}[] = [{id: start, next: edges.get(start)!.values()}];
    state.set(start, 'open');
    while (path.length) {
      const {id, next} = path.at(-1)!;
      const {value, done} = next.next();
      if (done) {
        state.set(id, 'done');
        path.pop();
      } else if (state.get(value as string) === 'open') return [...path.map(one => one.id).slice(path.findIndex(one => one.id === value)), value as string];
      else if (!state.has(value as string)) {
        state.set(value as string, 'open');
        path.push({id: value as string, next: (edges.get(value as string) ?? new Set<string>()).values()});
      }
    }
  }
  return undefined;
}
