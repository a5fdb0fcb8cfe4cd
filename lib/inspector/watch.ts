import {describe} from '../protocol/describe.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {NewEntry, Timeline} from './timeline.js';

/** The most characters of a message's JSON that are kept. */
const MAX_DATA = 10_000;

export interface WatchOptions {
  /** Whether whole messages are kept, with documents' data. */
  showsData(): boolean;
  /** Whether messages are added. Events always are. */
  takesMessages(): boolean;
  /** Called after each new entry. */
  onChange(): void;
}

/**
 * Adds the messages and events of a connection to a timeline.
 * @returns a function that stops this
 */
export function watch(connection: ProxyConnection, timeline: Timeline, {showsData, takesMessages, onChange}: WatchOptions): () => void {
  const add = (entry: NewEntry): void => {
    timeline.add(entry);
    onChange();
  };
  const message = (direction: 'to host' | 'from host', content: object): void => {
    if (takesMessages()) add({...describe(content), direction, data: showsData() ? JSON.stringify(content, null, 2).slice(0, MAX_DATA) : undefined});
  };
  const state = (text: string): void => add({kind: 'state', direction: '', text});
  const failure = (what: string, error: unknown): void => {
    const {code, message: text} = (error ?? {}) as {code?: unknown; message?: unknown};
    add({kind: 'error', direction: '', text: `${what}: ${[code, text].filter(Boolean).join(' ')}`});
  };
  const listeners: Record<string, (...args: any[]) => void> = {
    'send': (content: object) => message('to host', content),
    'receive': ({data}: {data: object | null}) => { if (data) message('from host', data); },
    'state': (name: string) => state(`the server is ${name}`),
    'hostState': (name: string) => state(`the host is ${name}`),
    'mode': (mode: string, reason: string) => state(`mode ${mode}: ${reason}`),
    'saveState': (name: string) => state(`edits are ${name}`),
    'deadletter': ({collection, doc, error}: {collection: string; doc: string; error: unknown}) => failure(`dead letter of ${collection}/${doc}`, error),
    'updateneeded': () => state('the host is of another build: reload the page'),
    'connection error': (error: unknown) => failure('connection error', error)
  };
  const emitter = connection as unknown as Record<'on' | 'off', (event: string, listener: (...args: any[]) => void) => void>;
  for (const [event, listener] of Object.entries(listeners)) emitter.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) emitter.off(event, listener);
  };
}
