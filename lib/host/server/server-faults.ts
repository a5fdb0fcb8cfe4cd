import type {Clock} from '../../platform/platform.js';
import {encodeError, type ErrorData} from '../../protocol/errors.js';
import type {RealDoc, RealOp} from '../upstream.js';

/**
 * Returns whether an error of the server is a temporary fault, such as an unreachable database. If it returns `undefined`, the library
 * decides.
 */
export type IsTransient = (error: Error & {code?: string | number | undefined}) => boolean | undefined;

/** Delay before an op is sent or a document is requested again, in ms. It doubles with each failure. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** After this many failures of an op, the host also requests the document, to find out whether the server fails only with this op. */
const PROBE_AFTER = 5;
/** After this many failures of an op between which the server could read the document, the op is refused for good. */
const MAX_READS = 6;

/** The server's last error, and the number of documents and subscribed queries that wait because of such errors. */
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
 * Distinguishes refusals of the server from temporary faults. After a fault, an op is sent again with the same `src` and `seq`, because the
 * server may have committed it and then recognizes it. Documents and queries that could not be read are requested again.
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

  /** @returns whether the error is a temporary fault. Otherwise it is a refusal. */
  isTransient(error: Error & {code?: string | number}): boolean {
    return this.classify(error) ?? isFault(error);
  }

  private classify(error: Error & {code?: string | number}): boolean | undefined {
    return isOurs(error) ? false : this.options.isTransient?.(error);
  }

  /**
   * Schedules another request after the server could not read a document or query.
   * @param reader identifies the request
   * @param ask sends the request again. Called once, after a delay.
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

  /** Cancels the next request, because the server has answered or the answer is no longer needed. */
  forgetRead(reader: object): void {
    const read = this.reads.get(reader);
    if (!read) return;
    read.cancel?.();
    this.reads.delete(reader);
    this.options.onChange();
  }

  /**
   * Handles the server's error for the op in flight.
   * @returns whether the op is sent again. Otherwise the server has refused it.
   */
  willRetry(doc: RealDoc, op: RealOp, error: Error & {code?: string | number}): boolean {
    const failure = this.failures.get(op) ?? {count: 0, reads: 0};
    const classified = this.classify(error);
    const isTransient = classified ?? (isFault(error) && failure.reads < MAX_READS);
    if (!isTransient) return false;
    failure.count++;
    this.failures.set(op, failure);
    this.lastError = encodeError(error);
    this.waiting.get(doc)?.();
    this.waiting.set(doc, this.options.clock.after(pauseAfter(failure.count), () => {
      if (classified !== undefined || failure.count < PROBE_AFTER) return this.resend(doc, op);
      doc.connection.fetchSnapshot(doc.collection, doc.id, null, readError => {
        if (!readError) failure.reads++;
        this.resend(doc, op);
      });
    }));
    this.options.onChange();
    return true;
  }

  /** Cancels the next attempt, because the op is no longer in flight. */
  forget(doc: RealDoc): void {
    const cancel = this.waiting.get(doc);
    if (!cancel) return;
    cancel();
    this.waiting.delete(doc);
    this.options.onChange();
  }

  /** Cancels attempts to send ops, because upstream sends them on the next connection. Reads keep their timers, and wait for a connection. */
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

/** The codes of Node's system errors (Node, "Common system errors") that have temporary causes in the network or the machine. */
const SYSTEM_FAULT = /^(ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|EAGAIN|EBUSY|EMFILE|ENFILE|ENOSPC|EIO)$/;
/** The form of the codes of SQL databases (SQLSTATE), such as `57P01`. */
const SQL_STATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/**
 * The messages of database drivers for a lost or missing connection, in errors without a code: `pg`, `redis`, `ioredis` and `mongodb`.
 * ShareDB's server sends only the code and the message.
 */
const DRIVER_FAULTS = [
  /^Connection terminated\b/, /^timeout exceeded when trying to connect$/, /^Client (has encountered a connection error|was closed) and is not queryable$/, /^Query read timeout$/,
  /^Socket closed unexpectedly$/, /^The client is (closed|offline)$/, /^Connection timeout$/, /^Connection is closed\.$/, /^Reached the max retries per request limit\b/,
  /^connection \S+ to \S+ (closed|timed out)/, /^Server selection timed out\b/, /^Topology is closed$/, /^Connection pool for \S+ was cleared\b/,
  /^Timed out while checking out a connection\b/, /^(connect|read|write) E[A-Z]+\b/
];

/**
 * Returns whether an error is a fault. It is one if its code is a system error of Node, an SQLSTATE, or a number outside of 400 to 499 and
 * 4000 to 4999, such as MongoDB's. An error without a code is a fault if its message is a driver's for a lost connection. All other errors
 * are refusals, as in ShareDB: middleware often refuses with a plain `Error`, or with a code of the app. ShareDB before version 4 gives the
 * code 4001 to a refusal that is a string.
 */
export function isFault({code, message}: {code?: unknown; message?: unknown}): boolean {
  if (code === undefined || code === null) return typeof message === 'string' && DRIVER_FAULTS.some(form => form.test(message));
  if (typeof code === 'number') return !((code >= 400 && code < 500) || (code >= 4000 && code < 5000));
  return typeof code === 'string' && (SYSTEM_FAULT.test(code) || SQL_STATE.test(code));
}

function isOurs({code}: {code?: unknown}): boolean {
  return typeof code === 'string' && code.startsWith('ERR_TABS_');
}
