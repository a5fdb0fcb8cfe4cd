import {TabsError, withCode} from '../../protocol/errors.js';
import type {DeadLetter} from '../../protocol/messages.js';
import {isLocal} from '../../protocol/local.js';
import {stepOf} from '../../ot/step.js';
import type {Chain, DeadLetters, KeptOp} from './dead-letters.js';
import type {Step} from '../../ot/history-entry.js';
import {opsSince, type ServerStep} from './ops-since.js';
import {rebase} from '../../ot/rebase.js';
import {typeOf} from '../doc/server-snapshot.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {SharedDocs} from '../doc/shared-docs.js';
import type {RealDoc} from '../upstream.js';
import type {DocKey} from '../../store/storage.js';

/** How often a retry starts again because the document has changed meanwhile. */
const MAX_ROUNDS = 8;

interface Attempt {
  isOver: boolean;
  interrupt(error: Error): void;
}

export interface LetterRetriesOptions {
  letters: DeadLetters;
  docs: SharedDocs;
  isConnected(): boolean;
  /** Whether stored data of a document are in quarantine, because they could not be read when they were needed. */
  isUnread(key: DocKey): boolean;
}

/**
 * Submits the op of a dead letter again. The op is transformed over the server's ops since its version and then handled as any op, but
 * keeps its `src` and `seq`. By these, the host finds an op that the server already has, and does not submit it twice: after a crash of
 * the host, a second call, or a refusal that arrived after the commit.
 */
export class LetterRetries {
  /** The retries by letter. */
  private readonly running = new Map<string, Promise<void>>();
  /** The last retry of each document. Retries of one document run one after the other, because a letter may depend on the one before it. */
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly attempts = new Set<Attempt>();

  constructor(private readonly options: LetterRetriesOptions) {}

  /**
   * Resolves when the server has the op, or if no such letter exists. Rejects if the letter stays: with the server's error,
   * ERR_TABS_OFFLINE or ERR_TABS_LETTER_BASE.
   */
  retry(id: string): Promise<void> {
    let running = this.running.get(id);
    if (!running) {
      running = this.inTurn(id).finally(() => this.running.delete(id));
      this.running.set(id, running);
    }
    return running;
  }

  onDisconnected(): void {
    for (const attempt of this.attempts) {
      attempt.isOver = true;
      attempt.interrupt(offline('The connection to the server was lost before it answered. The dead letter stays until the server has the op'));
    }
  }

  private async inTurn(id: string): Promise<void> {
    const chain = this.options.letters.find(id);
    if (!chain) return;
    const key = JSON.stringify([chain.collection, chain.doc]);
    const turn = (this.queues.get(key) ?? Promise.resolve()).then(() => this.begin(id));
    const settled = turn.catch(() => {});
    this.queues.set(key, settled);
    try {
      await turn;
    } finally {
      if (this.queues.get(key) === settled) this.queues.delete(key);
    }
  }

  private async begin(id: string): Promise<void> {
    const {letters, docs, isConnected} = this.options;
    const chain = letters.find(id);
    if (!chain) return;
    const isOp = 'op' in chain.ops.at(-1)!.step;
    checkBase(chain);
    if (this.mayBeStored(chain)) throw lost(chain, 'the quarantine has stored data of this document that may contain the op. They are merged when they can be read. To retry it before, discard them');
    if (isLocal(chain.collection) && isOp) throw lost(chain, 'a local document keeps no earlier versions');
    if (!isConnected() && !isLocal(chain.collection)) {
      throw offline('There is no connection to the server. The dead letter stays: retry it when the state is connected');
    }
    const shared = docs.get(chain.collection, chain.doc);
    shared.retain();
    const attempt: Attempt = {isOver: false, interrupt: () => {}};
    this.attempts.add(attempt);
    const interrupted = new Promise<never>((_resolve, reject) => { attempt.interrupt = reject; });
    try {
      await Promise.race([this.submit(shared, chain, id, attempt), interrupted]);
    } finally {
      this.attempts.delete(attempt);
      shared.release();
    }
  }

  /** Whether the letter's op may be saved by another way: its tab has given it up, and the store may have it. */
  private mayBeStored({collection, doc, ops}: Chain): boolean {
    return ops.at(-1)!.letter?.error.code === 'ERR_TABS_OP_LOST' && this.options.isUnread([collection, doc]);
  }

  private async submit(shared: SharedDoc, chain: Chain, id: string, attempt: Attempt): Promise<void> {
    const {letters} = this.options;
    const {doc, journaled} = shared;
    for (let i = 0; i < MAX_ROUNDS; i++) {
      await new Promise<void>(resolve => shared.whenSettled(resolve));
      const ops = await this.opsSince(shared, chain);
      if (attempt.isOver) return undefined;
      const found = letters.find(id);
      if (!found) return undefined;
      // The answer may have shown that the server has another history.
      checkBase(found);
      // From here on, everything happens in one turn, so that the document does not change after this check.
      if (journaled.isRollingBack || doc.version !== ops.version) continue;
      const op = chain.ops.at(-1)!;
      if (pendingStepsOf(doc).some(pending => isSameOp(pending, op))) return letters.whenOver(id);
      const left = rebased(chain, [...ops.steps, ...pendingStepsOf(doc)], doc);
      const [first] = left;
      if (!first || (first.step.del && !doc.type)) return letters.discard(id);
      if (left.length > 1) throw lost(chain, 'it was made on an edit that the server does not have. If that is a dead letter, too, retry it before');
      const {step, src, seq} = first;
      const error = journaled.submit({
        step, owner: `letter ${id}`, seq: 1, source: undefined, submitSource: false, preventCompose: true, id: [src, seq]
      }, () => {});
      if (error) throw error;
      return letters.whenOver(id);
    }
    throw lost(chain, 'the document changes too often');
  }

  /** The server's ops since the letter's ops were made. */
  private async opsSince({doc, journaled}: SharedDoc, chain: Chain): Promise<{steps: ServerStep[]; version: number | null}> {
    if (isLocal(chain.collection)) return {steps: [], version: doc.version};
    // Another database may have the same version, so the document is compared with the server's state.
    journaled.server.recheck();
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error) : resolve())));
    if (journaled.missing) throw journaled.missing;
    const {version} = doc;
    const {step} = chain.ops.at(-1)!;
    if (chain.v === null && step.del) return {steps: [], version};
    const v = chain.v ?? 0;
    if (v > (version ?? 0)) throw lost(chain, `it was made on version ${v}, and the server has ${version}`);
    const steps = v === (version ?? 0) ? [] : await opsSince(doc, v);
    if (steps) return {steps, version: doc.version};
    if (step.create) return {steps: [], version: doc.version};
    throw lost(chain, `the server no longer gives the ops since version ${v}`);
  }
}

/** Returns the ops that the server does not have, transformed over the server's ops. */
function rebased(chain: Chain, happened: readonly ServerStep[], doc: RealDoc): KeptOp[] {
  let left = chain.ops;
  const {step, type: name} = chain.ops.at(-1)!;
  const type = typeOf(name);
  // A creation only requires that the document does not exist.
  if (step.create && left.length === 1) {
    if (happened.some(one => isSameOp(one, left[0]!))) return [];
    if (doc.type) throw withCode('ERR_DOC_ALREADY_CREATED', 'Document already created');
    return left;
  }
  for (const one of happened) {
    const at = left.findIndex(op => isSameOp(one, op));
    if (at > 0) throw lost(chain, 'the server does not have the edit that it was made on, but one that was made after that');
    if (at === 0) {
      left = left.slice(1);
      continue;
    }
    const rebased = rebase(left.map(({step, seq}) => ({step, seq, x: {}})), [{step: one.step, src: undefined, seq: undefined}], '', type);
    if (rebased instanceof Error) throw rebased;
    left = left.map((op, i) => ({...op, step: rebased[i]!.step as KeptOp['step']}));
  }
  if (left[0] && 'op' in left[0].step && doc.type !== type) throw lost(chain, 'the document has another type now, or was deleted');
  return left;
}

/** @throws ERR_TABS_LETTER_BASE if the version of an op's chain is unknown, and the chain does not begin with a creation */
function checkBase(chain: Chain): void {
  const isOp = 'op' in chain.ops.at(-1)!.step;
  if (chain.v === null && isOp && !chain.ops[0]!.step.create) {
    throw lost(chain, 'it is not known what it was made on, or the server does not have that any more');
  }
}

function pendingStepsOf({inflightOp, pendingOps}: RealDoc): ServerStep[] {
  return [inflightOp, ...pendingOps].flatMap(op => (op ? [{step: stepOf(op) as Step, src: op.src, seq: op.seq}] : []));
}

const isSameOp = (one: Pick<ServerStep, 'src' | 'seq'>, {src, seq}: KeptOp): boolean => one.src === src && one.seq === seq;

function offline(message: string): TabsError {
  return new TabsError('ERR_TABS_OFFLINE', message);
}

function lost({collection, doc}: Pick<DeadLetter, 'collection' | 'doc'>, reason: string): TabsError {
  return new TabsError('ERR_TABS_LETTER_BASE', `The op of the dead letter can't be transformed to the current state of ${collection}.${doc}: ${reason}. ` +
    'The letter stays. Repeat the edit by hand from the result of export(), or discard the letter');
}
