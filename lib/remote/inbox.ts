import {isThenable} from '../platform/thenable.js';
import {Answers, type AnswersPeer} from './answers.js';
import type {Calls} from './calls.js';
import {decode, malformed, type Decoded, type DecodingPeer, type FindLocal} from './decode.js';
import {deferred} from './deferred.js';
import {checkDepth} from './depth.js';
import {RemoteError, decodeError, tooMany} from './errors.js';
import type {Flows} from './flows.js';
import type {HandlerContexts} from './handlers.js';
import {perform} from './operations.js';
import type {ResolvedOptions} from './options.js';
import type {PeerLocks} from './peer-locks.js';
import type {Exports} from './references.js';
import {BYE, OPERATE, EVALUATE, FLOW, FLUSH, GET, HELLO, LAST_KIND, PROTOCOL, PULL, RELEASE, RETURN, RUN, HANDLER_MESSAGE, SEEN, THROW, isId, isPath, type Kind, type Wants} from './wire.js';

/** The part of a peer that an inbox needs. */
export interface InboxPeer extends AnswersPeer, DecodingPeer {
  readonly state: string;
  readonly options: ResolvedOptions;
  readonly calls: Calls;
  readonly flows: Flows;
  readonly exports: Exports;
  readonly handlers: HandlerContexts;
  readonly locks: PeerLocks | undefined;
  greet(): void;
  open(): void;
  restart(): void;
  end(reason: string, sendsBye: boolean, mayHaveRun?: boolean, code?: 'ERR_REMOTE_CLOSED' | 'ERR_REMOTE_PROTOCOL'): void;
  reportError(error: unknown, what: string): void;
}

/** The longest valid nonce, in characters. A nonce becomes a part of the name of a lock. */
const MAX_NONCE = 99;

type Message = readonly unknown[];
type Prepared = {readonly message: Message; readonly decoded?: Decoded; readonly error?: unknown};

/** Checks the messages of the other side and performs what they request. */
export class Inbox {
  readonly #answers: Answers;
  #nonce: unknown;
  #lastId = 0;
  #hasReportedMalformed = false;
  #root: {value: unknown} | undefined;
  /** If set, new operations on the exposed value are answered with this error. */
  refusal: Error | undefined;
  readonly #exposed = deferred<unknown>();

  readonly #peer: InboxPeer;

  constructor(peer: InboxPeer) {
    this.#peer = peer;
    this.#answers = new Answers(peer);
    // Callers get the error, so it is not an unhandled rejection here.
    this.#exposed.promise.catch(() => {});
  }

  setRoot(value: unknown): void {
    if (!isThenable(value)) this.#root = {value};
    this.#exposed.resolve(value);
  }

  get pending(): number {
    return this.#answers.pending;
  }

  clear(): void {
    this.#answers.clear();
    this.#lastId = 0;
  }

  receive(frame: unknown): void {
    if (!Array.isArray(frame) || (frame[3] ?? '') !== this.#peer.options.name || !Array.isArray(frame[2])) return;
    const [protocol, ext, messages] = frame as [unknown, unknown, unknown[]];
    if (protocol !== PROTOCOL) return this.#refuse(protocol, messages);
    // A value may depend on a handler's data in the same frame. So all messages are decoded first, then the data are processed,
    // and then the messages take effect.
    const prepared: Prepared[] = [];
    // A hostile list may have four billion holes, which `Object.values` skips.
    for (const message of Object.values(messages)) {
      if (!Array.isArray(message)) this.#malformed();
      else if (message[0] === HELLO) this.#hello(message);
      else if (this.#peer.state === 'open') prepared.push(this.#prepare(message));
    }
    try {
      checkDepth({ext}, this.#peer.options.limits.depth);
      this.#peer.handlers.process(ext);
    } catch {
      this.#malformed();
    }
    for (const message of prepared) {
      if (this.#peer.state === 'closed') return;
      try {
        this.#handle(message);
      } catch {
        this.#malformed();
      }
    }
    this.#peer.calls.reportErrors();
  }

  #prepare(message: Message): Prepared {
    const at = message[0] === RETURN ? 2 : message[0] === OPERATE ? 5 : message[0] === FLOW ? 3 : 0;
    try {
      checkDepth(message, this.#peer.options.limits.depth);
      return at ? {message, decoded: decode(message[at], this.#peer, this.#findLocal)} : {message};
    } catch (error) {
      return {message, error};
    }
  }

  /** @throws if the message is malformed */
  #handle({message, decoded, error}: Prepared): void {
    const [what, id, third] = message;
    const {calls, flows, handlers} = this.#peer;
    switch (what) {
      case OPERATE:
        return this.#operate(message, decoded, error);
      case RETURN:
        return complete(decoded, error, value => calls.handleReturn(idOf(id), value), failure => calls.handleThrow(idOf(id), failure, idOf(id), false));
      case FLOW:
        return complete(decoded, error, value => flows.handle(-idOf(id), third as number, value), failure => flows.refuse(-idOf(id), failure));
      case THROW:
        return calls.handleThrow(idOf(id), error ?? decodeError(third, calls.stackOf(idOf(id))), isId(message[3]) ? message[3] : idOf(id), message[4] === 1);
    }
    if (error) throw error;
    switch (what) {
      case PULL:
        return this.#answers.pull(idOf(id));
      case SEEN:
        return listOf(id).forEach(one => this.#answers.forget(one as number));
      case RELEASE:
        return listOf(id).forEach(pair => this.#release(pair));
      case HANDLER_MESSAGE:
        return handlers.receive(id, third);
      case BYE:
        return this.#peer.end(`the other side closed the connection: ${String(id)}`, false);
      default:
        throw malformed();
    }
  }

  #hello([, , features, nonce]: Message): void {
    if (!Array.isArray(features) || typeof nonce !== 'string' || nonce.length > MAX_NONCE) return this.#malformed();
    this.#peer.locks?.watch(nonce, features);
    if (nonce === this.#nonce) return;
    const isFirst = this.#nonce === undefined;
    this.#nonce = nonce;
    if (!isFirst) this.#peer.restart();
    this.#peer.greet();
    this.#peer.open();
  }

  #refuse(protocol: unknown, messages: readonly unknown[]): void {
    if (typeof protocol !== 'number' || !Object.values(messages).some(message => Array.isArray(message) && message[0] === HELLO)) return;
    this.#peer.greet();
    this.#peer.end(`the other side uses version ${protocol} of the protocol, this side version ${PROTOCOL}: reload the older one`, false, false, 'ERR_REMOTE_PROTOCOL');
  }

  #operate(message: Message, decoded: Decoded | undefined, error: unknown): void {
    const [, id, target, path, kind, , wants] = message;
    if (!isId(id) || id <= this.#lastId) return this.#malformed();
    this.#lastId = id;
    if (!isId(target) || !isPath(path, this.#peer.options.limits.depth) || typeof kind !== 'number' || !(kind >= 0 && kind <= LAST_KIND) || (wants !== 0 && wants !== 1 && wants !== 2)) {
      this.#malformed();
      return this.#peer.throwError(id, new RemoteError('ERR_REMOTE_PROTOCOL', 'An operation does not have the form that the protocol requires'), id, wants !== 1);
    }
    const {pending, references} = this.#peer.options.limits;
    this.#answers.begin(id, wants as Wants, kind === EVALUATE || kind === RUN, () => {
      if (!decoded) throw error;
      if (this.refusal && target === 0) throw this.refusal;
      if (this.#answers.pending >= pending) throw tooMany('calls are under way', pending);
      if (this.#answers.size >= references) throw tooMany('results are held', references);
      if (kind === FLUSH) return this.#answers.settled();
      const values = decoded.complete(true);
      const found = this.#find(target);
      const run = (on: unknown): unknown => perform(on, path, kind as Kind, (decoded.value ?? []) as unknown[], this.#peer.options);
      if (!Array.isArray(decoded.value ?? [])) throw new RemoteError('ERR_REMOTE_PROTOCOL', 'The arguments are not an array');
      if ('value' in found) return values ? values.then(() => run(found.value)) : run(found.value);
      return Promise.all([found.later, values]).then(([on]) => run(on));
    });
  }

  /** The value that a target names: the exposed value, a result of the other side's call, or something that it was given. */
  #find(target: number): {value: unknown} | {later: Promise<unknown>} {
    if (target > 0) return this.#answers.find(target);
    if (target === 0) return this.#root ?? {later: this.#exposed.promise};
    const value = this.#peer.exports.get(-target);
    if (value === undefined) throw new RemoteError('ERR_REMOTE_RELEASED', 'There is no reference with this number');
    return {value};
  }

  readonly #findLocal: FindLocal = (target, path) => {
    const found = this.#find(target);
    if ('later' in found) return {later: found.later.then(value => perform(value, path, GET, [], this.#peer.options))};
    if (!path.length) return found;
    const value = perform(found.value, path, GET, [], this.#peer.options);
    return isThenable(value) ? {later: Promise.resolve(value)} : {value};
  };

  #release(pair: unknown): void {
    const [id, count] = listOf(pair);
    if (!isId(count) || count <= 0) throw malformed();
    if (idOf(id) > 0) this.#answers.forget(id as number);
    else this.#peer.exports.release(-(id as number), count);
  }

  /** Drops a malformed message. Only the first is reported: a peer that sends one sends many. */
  #malformed(): void {
    if (this.#hasReportedMalformed) return;
    this.#hasReportedMalformed = true;
    this.#peer.reportError(new RemoteError('ERR_REMOTE_PROTOCOL', 'The other side has sent malformed messages. They are dropped; further ones are dropped silently'), 'a frame from the other side');
  }
}

/** Puts values of this side into a decoded value, and uses it. */
function complete(decoded: Decoded | undefined, error: unknown, use: (value: unknown) => void, refuse: (error: unknown) => void): void {
  try {
    if (!decoded) throw error;
    void decoded.complete(false);
  } catch (failure) {
    return refuse(failure);
  }
  use(decoded.value);
}

function idOf(value: unknown): number {
  if (!isId(value)) throw malformed();
  return value;
}

/** The items of a list. A hostile one may have four billion holes, which `Object.values` skips. */
function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw malformed();
  return Object.values(value);
}
