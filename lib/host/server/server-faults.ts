import type {Clock} from '../../platform/platform.js';
import {encodeError, type ErrorData} from '../../protocol/errors.js';
import type {RealDoc, RealOp} from '../upstream.js';

/**
 * Whether an error of the server is a temporary fault, such as an unreachable database. `undefined` leaves the decision to
 * the library.
 */
export type IsTransient = (error: Error & {code?: string | number | undefined}) => boolean | undefined;

/** The pause before an op is sent or a document is requested again, in ms. It doubles with each failure. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** From this failure on, the host also requests the document, to find out whether the server fails in general or only with this op. */
const PROBE_AFTER = 5;
/** After this many failures with an op, while the server could read its document, the op is refused for good. */
const MAX_READS = 6;

/** The error that the server reports, and how many documents and subscribed queries wait. */
export interface ServerFault {
  docs: number;
  error: ErrorData;
}

interface Failure {
  count: number;
  /** How often the server has read the document between two failures of the op. */
  reads: number;
}

export interface ServerFaultsOptions {
  clock: Clock;
  isTransient?: IsTransient | undefined;
  /** {@link ServerFaults.current} has changed. */
  onChange(): void;
}

/** A document or query that could not be read. */
interface Read {
  count: number;
  cancel?: (() => void) | undefined;
}

/**
 * Tells refusals of the server from faults, and sends an op again after a fault, with the same `src` and `seq`: the commit may
 * have succeeded, and then the server recognizes the op. Subscriptions that could not be read are requested again.
 */
export class ServerFaults {
  private readonly waiting = new Map<RealDoc, () => void>();
  private readonly failures = new WeakMap<RealOp, Failure>();
  private readonly reads = new Map<object, Read>();
  private lastError: ErrorData | undefined;

  constructor(private readonly options: ServerFaultsOptions) {}

  get current(): ServerFault | undefined {
    const docs = new Set<object>([...this.waiting.keys(), ...this.reads.keys()]).size;
    return this.lastError && docs ? {docs, error: this.lastError} : undefined;
  }

  /** @returns whether the failure is a passing one. Otherwise the server has refused. */
  isTransient(error: Error & {code?: string | number}): boolean {
    return this.verdictOn(error) ?? isFault(error);
  }

  private verdictOn(error: Error & {code?: string | number}): boolean | undefined {
    return isOurs(error) ? false : this.options.isTransient?.(error);
  }

  /**
   * The server could not read a document or query at present.
   * @param ask requests it again; called once, after a pause
   */
  readAgain(reader: object, error: Error, ask: () => void): void {
    const read = this.reads.get(reader) ?? {count: 0};
    if (read.cancel) return;
    this.reads.set(reader, read);
    this.lastError = encodeError(error);
    read.cancel = this.options.clock.after(pauseAfter(++read.count), () => {
      read.cancel = undefined;
      ask();
    });
    this.options.onChange();
  }

  /** The server has answered, or the request is not needed any more. */
  forgetRead(reader: object): void {
    const read = this.reads.get(reader);
    if (!read) return;
    read.cancel?.();
    this.reads.delete(reader);
    this.options.onChange();
  }

  /**
   * The server has answered to the op in flight with an error.
   * @returns whether the op is sent again. Otherwise the server has refused it.
   */
  willRetry(doc: RealDoc, op: RealOp, error: Error & {code?: string | number}): boolean {
    const failure = this.failures.get(op) ?? {count: 0, reads: 0};
    const verdict = this.verdictOn(error);
    const isTransient = verdict ?? (isFault(error) && failure.reads < MAX_READS);
    if (!isTransient) return false;
    failure.count++;
    this.failures.set(op, failure);
    this.lastError = encodeError(error);
    this.waiting.get(doc)?.();
    this.waiting.set(doc, this.options.clock.after(pauseAfter(failure.count), () => {
      if (verdict !== undefined || failure.count < PROBE_AFTER) return this.resend(doc, op);
      doc.connection.fetchSnapshot(doc.collection, doc.id, null, readError => {
        if (!readError) failure.reads++;
        this.resend(doc, op);
      });
    }));
    this.options.onChange();
    return true;
  }

  /** The op is no longer in flight, or returns to the queue: the next connection sends it anyway. */
  forget(doc: RealDoc): void {
    const cancel = this.waiting.get(doc);
    if (!cancel) return;
    cancel();
    this.waiting.delete(doc);
    this.options.onChange();
  }

  /** The next connection sends the ops anyway. Reads are requested when they are due: requests wait for a connection. */
  onDisconnected(): void {
    for (const cancel of this.waiting.values()) cancel();
    this.waiting.clear();
  }

  end(): void {
    this.onDisconnected();
    for (const {cancel} of this.reads.values()) cancel?.();
    this.reads.clear();
  }

  private resend(doc: RealDoc, op: RealOp): void {
    if (doc.inflightOp === op && this.waiting.has(doc)) doc._sendOp();
  }
}

const pauseAfter = (failures: number): number => Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);

/** Those of Node's system errors (Node, "Common system errors") that a network or a machine in temporary trouble causes. */
const SYSTEM_FAULT = /^(ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|EAGAIN|EBUSY|EMFILE|ENFILE|ENOSPC|EIO)$/;
/** A code of SQL databases (SQLSTATE), such as `57P01`. */
const SQL_STATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/**
 * Messages of drivers for a lost or missing connection in errors without a code: `pg`, `redis` and `ioredis`, and `mongodb`. ShareDB
 * passes on only the code and the message.
 */
const DRIVER_FAULTS = [
  /^Connection terminated\b/, /^timeout exceeded when trying to connect$/, /^Client (has encountered a connection error|was closed) and is not queryable$/, /^Query read timeout$/,
  /^Socket closed unexpectedly$/, /^The client is (closed|offline)$/, /^Connection timeout$/, /^Connection is closed\.$/, /^Reached the max retries per request limit\b/,
  /^connection \S+ to \S+ (closed|timed out)/, /^Server selection timed out\b/, /^Topology is closed$/, /^Connection pool for \S+ was cleared\b/,
  /^Timed out while checking out a connection\b/, /^(connect|read|write) E[A-Z]+\b/
];

/**
 * An error is a fault if its code is one of networks and databases: a system error of Node, an SQLSTATE, or a number that is not like
 * those of HTTP, as MongoDB has them. An error without a code is a fault if its message is a driver's for a lost connection. Everything
 * else is a refusal, as in ShareDB: middleware often refuses with a plain `Error`, or with a code of the app's own.
 * ShareDB before version 4 gives a refusal that is a string the code 4001.
 */
export function isFault({code, message}: {code?: unknown; message?: unknown}): boolean {
  if (code === undefined || code === null) return typeof message === 'string' && DRIVER_FAULTS.some(form => form.test(message));
  if (typeof code === 'number') return !((code >= 400 && code < 500) || (code >= 4000 && code < 5000));
  return typeof code === 'string' && (SYSTEM_FAULT.test(code) || SQL_STATE.test(code));
}

function isOurs({code}: {code?: unknown}): boolean {
  return typeof code === 'string' && code.startsWith('ERR_TABS_');
}
