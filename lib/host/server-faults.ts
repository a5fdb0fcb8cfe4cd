import type {Clock} from '../platform/platform.js';
import {encodeError, type ErrorData} from '../protocol/errors.js';
import type {RealDoc, RealOp} from './upstream.js';

/**
 * Whether the server could not take an op for a reason that passes, such as a database that is away. `undefined` leaves it to
 * the library.
 */
export type IsTransient = (error: Error & {code?: string | number | undefined}) => boolean | undefined;

/** The pause before an op is sent again, in ms: it doubles with each failure. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** From this failure on, the host also asks for the document: does the server fail, or only with this op? */
const PROBE_AFTER = 5;
/** A server that could read the document so many times, and failed with the op each time, will not take the op. */
const MAX_READS = 6;

/** What the server says that it failed with, and how many documents wait for it. */
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

/**
 * Tells refusals of the server from faults, and sends an op again after a fault, with the same `src` and `seq`: the commit may
 * have succeeded, and then the server recognizes the op.
 */
export class ServerFaults {
  private readonly waiting = new Map<RealDoc, () => void>();
  private readonly failures = new WeakMap<RealOp, Failure>();
  private lastError: ErrorData | undefined;

  constructor(private readonly options: ServerFaultsOptions) {}

  get current(): ServerFault | undefined {
    return this.lastError && this.waiting.size ? {docs: this.waiting.size, error: this.lastError} : undefined;
  }

  /**
   * The server has answered to the op in flight with an error.
   * @returns whether the op is sent again. Otherwise the server has refused it.
   */
  willRetry(doc: RealDoc, op: RealOp, error: Error & {code?: string | number}): boolean {
    const failure = this.failures.get(op) ?? {count: 0, reads: 0};
    const verdict = isOurs(error) ? false : this.options.isTransient?.(error);
    const isTransient = verdict ?? (isFault(error) && failure.reads < MAX_READS);
    if (!isTransient) return false;
    failure.count++;
    this.failures.set(op, failure);
    this.lastError = encodeError(error);
    this.waiting.get(doc)?.();
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (failure.count - 1), LONGEST_PAUSE_MS);
    this.waiting.set(doc, this.options.clock.after(pause, () => {
      if (verdict !== undefined || failure.count < PROBE_AFTER) return this.resend(doc, op);
      doc.connection.fetchSnapshot(doc.collection, doc.id, null, readError => {
        if (!readError) failure.reads++;
        this.resend(doc, op);
      });
    }));
    this.options.onChange();
    return true;
  }

  /** The op in flight is over, or on its way back to the queue: the next connection sends it anyway. */
  forget(doc: RealDoc): void {
    const cancel = this.waiting.get(doc);
    if (!cancel) return;
    cancel();
    this.waiting.delete(doc);
    this.options.onChange();
  }

  end(): void {
    for (const cancel of this.waiting.values()) cancel();
    this.waiting.clear();
  }

  private resend(doc: RealDoc, op: RealOp): void {
    if (doc.inflightOp === op && this.waiting.has(doc)) doc._sendOp();
  }
}

/** Of Node's system errors (Node, "Common system errors"), those of a network or machine that is out of order for a while. */
const SYSTEM_FAULT = /^(ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|EAGAIN|EBUSY|EMFILE|ENFILE|ENOSPC|EIO)$/;
/** A code of SQL databases (SQLSTATE), such as `57P01`. */
const SQL_STATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/**
 * An error is a fault where its code is known as one of networks and databases: Node's system errors, SQLSTATE, or a number, as
 * MongoDB has them, that is not like those of HTTP. Everything else is a refusal, as ShareDB has it: middleware often refuses with
 * a plain `Error`, or with a code of the app's own. ShareDB before version 4 gives a refusal that is a string the code 4001.
 */
export function isFault({code}: {code?: unknown}): boolean {
  if (typeof code === 'number') return !((code >= 400 && code < 500) || (code >= 4000 && code < 5000));
  return typeof code === 'string' && (SYSTEM_FAULT.test(code) || SQL_STATE.test(code));
}

function isOurs({code}: {code?: unknown}): boolean {
  return typeof code === 'string' && code.startsWith('ERR_TABS_');
}
