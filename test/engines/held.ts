import type {TabConnection} from '../../lib/index.js';
import type {Tab} from './tab.js';

/** The objects that the host and the browser hold for the tabs of an origin. */
export interface Held {
  tabs: number;
  docs: number;
  queries: number;
  presences: number;
  pendingOps: number;
  /** The names of the Web Locks, without the random parts. */
  locks: string[];
}

export function held(tab: Tab): Promise<Held> {
  return tab.page.evaluate(async () => {
    const {connection} = globalThis.editor as {connection: TabConnection};
    const {tabs, docs, queries, presences, pendingOps} = await connection.inspect() as Record<'tabs' | 'docs' | 'queries' | 'presences' | 'pendingOps', number>;
    const {held: granted = [], pending = []} = await navigator.locks.query();
    const locks = [...granted.map(lock => ({...lock, state: 'held'})), ...pending.map(lock => ({...lock, state: 'pending'}))];
    return {
      tabs, docs, queries, presences, pendingOps,
      locks: locks.map(({state, mode, name = ''}) => `${state}, ${mode}: ${name.replace(/[0-9a-f]{32}/, '…')}`).sort()
    };
  });
}
