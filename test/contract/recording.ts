import type {ProxyDoc} from '../../lib/index.js';
import type {Client} from './subjects.js';

export type Doc = ProxyDoc;
type Query = ReturnType<Client['createSubscribeQuery']>;
type Presence = ReturnType<Client['getPresence']>;

const DOC_EVENTS = ['load', 'create', 'before op batch', 'before op', 'op', 'op batch', 'del', 'error', 'no write pending',
  'nothing pending', 'destroy'] as const;
const QUERY_EVENTS = ['ready', 'insert', 'move', 'remove', 'changed', 'extra', 'error'] as const;
const STATES = ['connecting', 'connected', 'disconnected', 'closed', 'stopped'] as const;

export interface RecordingOptions {
  /** Leaves out pending states and their events. */
  exceptPending?: boolean;
  /** Leaves out versions. */
  exceptVersions?: boolean;
}

/** The events of a client, line by line: each event with its values, and the state of all its documents at that moment. */
export class Recording {
  readonly lines: string[] = [];
  /** The events of another client. They are separate, because the order between two clients is not defined. */
  readonly elsewhere: string[] = [];
  private readonly docs: Doc[] = [];
  private readonly names = new Map<string, string>();

  constructor(private readonly options: RecordingOptions = {}) {}

  note(...what: unknown[]): void {
    this.lines.push([what.map(show).join(' '), ...this.docs.map(doc => this.state(doc))].join(' | '));
  }

  noteElsewhere(...what: unknown[]): void {
    this.elsewhere.push(['elsewhere', ...what].map(show).join(' '));
  }

  /** A callback that is recorded when it is called. */
  says(label: string): (...args: any[]) => void {
    return (...args) => this.note(`${label} called back`, ...withoutTrailing(args));
  }

  /** Gives a client's id a name. Ids are random, and the proxy's id differs from its host's; the tests compare whose id it is. */
  name(id: string | null, name: string): void {
    if (id !== null) this.names.set(id, name);
  }

  doc(doc: Doc): Doc {
    this.docs.push(doc);
    for (const event of DOC_EVENTS) {
      if (event.endsWith('pending') && this.options.exceptPending) continue;
      doc.on(event, (...args: unknown[]) => {
        if (event === 'op' || event === 'before op') args[2] = args[2] && (this.names.get(args[2] as string) ?? 'an unknown client');
        this.note(doc.id, event, ...withoutTrailing(args));
      });
    }
    return doc;
  }

  query(query: Query): Query {
    for (const event of QUERY_EVENTS) {
      query.on(event, (...args: unknown[]) => this.note('query', event, ...args, 'of', query.results));
    }
    return query;
  }

  presence(presence: Presence): Presence {
    presence.on('receive', (id, value) => this.note('presence', id, value, 'of', presence.remotePresences));
    presence.on('error', error => this.note('presence error', error));
    return presence;
  }

  states(connection: Client): void {
    for (const state of STATES) connection.on(state, reason => this.note('connection', state, reason));
    connection.on('state', (state, reason) => this.note('connection state', state, reason, connection.state));
  }

  private state(doc: Doc): string {
    const {id, version, type, data, subscribed, paused} = doc;
    const {exceptPending, exceptVersions} = this.options;
    const flags = exceptPending ? {} : {pending: doc.hasPending(), writing: doc.hasWritePending(), subscribed, paused};
    const set = Object.entries(flags).filter(([, value]) => value).map(([name]) => name);
    return [id, exceptVersions ? '' : `v${version}`, type ? type.name : 'no type', show(data), ...set].join(' ');
  }
}

function withoutTrailing(args: unknown[]): unknown[] {
  const end = args.findLastIndex(arg => arg !== undefined);
  return args.slice(0, end + 1);
}

function show(value: unknown): string {
  if (isError(value)) return `<${String(value.code)}: ${value.message}>`;
  if (typeof value === 'string') return value;
  if (isDoc(value)) return `doc ${value.id}`;
  if (Array.isArray(value) && value.some(isDoc)) return `[${value.map(show).join(', ')}]`;
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

/** ShareDB's presence emits plain objects as errors. */
function isError(value: unknown): value is {code?: unknown; message: string} {
  return value instanceof Error || (!!value && typeof value === 'object' && 'code' in value && 'message' in value);
}

function isDoc(value: unknown): value is Doc {
  return !!value && typeof value === 'object' && 'ingestSnapshot' in value;
}
