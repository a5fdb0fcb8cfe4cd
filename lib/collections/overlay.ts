import {TabsError, withCode} from '../protocol/errors.js';
import {ALL, MAX_READS, MAX_WRITES, STRUCTURE, readOf, touchedReads, type TransactionPart} from '../protocol/transactions.js';
import {fastType} from '../ot/fast-json0.js';
import {types} from '../tab/upstream.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {listenTo} from './doc-events.js';
import {NO_GROWTH, type Access, type Component, type Growth} from './json0.js';
import {copyOf} from './values.js';

interface OtType {
  name?: string;
  uri?: string;
  apply(data: unknown, op: unknown): unknown;
  compose?(op: unknown, next: unknown): unknown;
  create(data: unknown): unknown;
}

/** A transaction's view of one document: the shown data with the transaction's own writes applied. It records what is read. */
export class Overlay implements Access {
  readonly isTransaction = true;
  readonly reads = new Set<string>();
  private readonly writes = new Set<string>();
  private step: TransactionPart['step'];
  private type: OtType | null;
  /** The values of keys that the transaction has written; undefined for a deleted key. */
  private changed = new Map<string, unknown>();
  /** Data that are not an object are copied as a whole. */
  private copy: unknown;
  private isCopied = false;
  /** Others have changed something that the transaction read or overwrote. */
  isStale = false;
  /** Throws if a collection's limits do not allow an op after the growth by earlier ones. Returns the growth with the op. */
  checkOp: ((op: readonly Component[], before: Growth) => Growth) | undefined;
  private growth = NO_GROWTH;
  private readonly stop: () => void;

  constructor(readonly doc: ProxyDoc, private readonly isReadOnly: boolean, private readonly onStale: () => void) {
    this.type = doc.type as OtType | null;
    this.stop = listenTo(doc, {
      afterOp: op => this.noteStep({op}),
      onState: () => this.noteStep({load: true})
    });
  }

  private noteStep(step: object): void {
    if (this.isStale || !touchedReads(step, isJson0(this.doc.type), new Set([...this.reads, ...this.writes])).length) return;
    this.isStale = true;
    this.onStale();
  }

  close(): void {
    this.stop();
  }

  get part(): Pick<TransactionPart, 'reads' | 'step'> {
    const {step} = this;
    const isEmpty = step && Array.isArray(step.op) && !step.op.length;
    return {reads: [...this.reads], ...(step && !isEmpty && {step})};
  }

  private noteRead(read: string): void {
    this.reads.add(read);
    if (this.reads.size > MAX_READS) throw tooBig(`more than ${MAX_READS} reads`);
  }

  // ---- reading

  private get shown(): unknown {
    return this.isCopied ? this.copy : this.doc.data as unknown;
  }

  get(key: string): unknown {
    this.noteRead(readOf(key));
    return this.peek(key);
  }

  peek(key: string): unknown {
    if (this.changed.has(key)) return this.changed.get(key);
    const {shown} = this;
    return typeof shown === 'object' && shown !== null && Object.hasOwn(shown, key) ? (shown as Record<string, unknown>)[key] : undefined;
  }

  keys(): string[] {
    this.noteRead(STRUCTURE);
    return Object.keys(this.merged() as object);
  }

  size(): number {
    if (!Array.isArray(this.shown)) return this.keys().length;
    this.noteRead(ALL);
    return this.shown.length;
  }

  all(): unknown {
    this.noteRead(ALL);
    return this.merged();
  }

  private merged(): unknown {
    const {shown, changed} = this;
    if (!changed.size) return shown;
    const data = {...(shown as Record<string, unknown>)};
    for (const [key, value] of changed) {
      if (value === undefined) delete data[key];
      else data[key] = value;
    }
    return data;
  }

  // ---- writing

  submit(op: Component[]): void {
    const growth = this.checkLimits(op);
    this.submitOp(op);
    this.growth = growth;
  }

  checkLimits(op: readonly Component[]): Growth {
    return this.checkOp?.(op, this.growth) ?? NO_GROWTH;
  }

  submitOp(op: unknown): void {
    if (this.isReadOnly) readOnly();
    if (!this.type) throw new TabsError('ERR_TABS_BAD_OPTION', `${this.doc.collection}/${this.doc.id} does not exist: create it first`);
    const own = copyOf(op);
    this.apply(copyOf(op));
    const {step} = this;
    if (step?.create) step.create.data = copyOf(this.shown);
    else this.step = {op: step && 'op' in step ? this.compose(step.op, own) : own};
    if (Array.isArray(this.step?.op) && this.step.op.length > MAX_WRITES) throw tooBig(`more than ${MAX_WRITES} writes to one of its documents`);
  }

  private compose(op: unknown, next: unknown): unknown {
    const type = fastType(this.type as never) as OtType;
    if (!type.compose) throw new TabsError('ERR_TABS_BAD_OPTION', `The OT type ${this.type!.name} can't compose: write only once per transaction`);
    return type.compose(op, next);
  }

  private apply(op: unknown): void {
    const type = this.type!;
    const {shown} = this;
    const isObject = typeof shown === 'object' && shown !== null && !Array.isArray(shown);
    if (!isJson0(type) || !Array.isArray(op) || this.isCopied || !isObject || (op as Component[]).some(({p}) => !p.length)) {
      this.writes.add(ALL);
      const isDeep = isJson0(type) && !(Array.isArray(shown) && (op as Component[]).every(({p}) => p.length === 1));
      const before = this.isCopied ? this.copy : isDeep ? copyOf(this.merged()) : Array.isArray(shown) ? [...shown] as unknown[] : shown;
      // A shallow copy must not be changed inside.
      this.copy = type.apply(this.isCopied && isDeep ? copyOf(before) : before, op);
      this.isCopied = true;
      this.changed.clear();
      return;
    }
    const touched: Record<string, unknown> = {};
    for (const {p} of op as Component[]) {
      const key = String(p[0]);
      this.writes.add(readOf(key));
      const value = this.peek(key);
      if (value !== undefined && !Object.hasOwn(touched, key)) touched[key] = p.length > 1 ? copyOf(value) : value;
    }
    const keys = new Set((op as Component[]).map(({p}) => String(p[0])));
    const made = type.apply(touched, op) as Record<string, unknown>;
    for (const key of keys) this.changed.set(key, made[key]);
  }

  create(data: unknown, type = 'json0'): void {
    if (this.isReadOnly) readOnly();
    this.noteRead(ALL);
    if (this.type) throw withCode('ERR_DOC_ALREADY_CREATED', 'Document already exists');
    if (this.step) throw new TabsError('ERR_TABS_BAD_OPTION', 'A transaction can\'t create again what it has deleted');
    const found = types.map[type] as unknown as OtType | undefined;
    if (!found) throw new TabsError('ERR_TABS_BAD_OPTION', `This page does not know the OT type ${type}`);
    this.type = found;
    this.copy = found.create(copyOf(data));
    this.isCopied = true;
    this.step = {create: {type: found.uri ?? type, data: copyOf(data)}};
  }

  del(): void {
    if (this.isReadOnly) readOnly();
    this.noteRead(ALL);
    if (!this.type) return;
    this.type = null;
    this.copy = undefined;
    this.isCopied = true;
    this.changed.clear();
    if (this.step?.create) this.step = undefined;
    else this.step = {del: true};
  }
}

export const isJson0 = (type: unknown): boolean => (type as OtType | null)?.name === 'json0';

/** Refuses a write. */
export function readOnly(): never {
  throw new TabsError('ERR_TABS_TX_READONLY', 'readTransaction() only reads: use transaction() to write. Nothing was written');
}

export function tooBig(what: string): TabsError {
  return new TabsError('ERR_TABS_TX_TOO_BIG', `The transaction has ${what}. Nothing was written: split it into several transactions`);
}
