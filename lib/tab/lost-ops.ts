import type {ErrorData} from '../protocol/errors.js';
import {MAX_LOST_OPS, type LostOp} from '../protocol/messages.js';
import {stepOf} from '../ot/step.js';
import type {PendingOp} from './upstream.js';

/**
 * Ops of this tab that no host can apply. The tab sends each one to the host, which keeps it as a dead letter. If the host does not confirm
 * an op, the tab sends it to the next host, too. The ids prevent duplicates.
 */
export class LostOps {
  private waiting: LostOp[] = [];
  private count = 0;

  /** @param report sends ops to the host; resolves when the host has them */
  constructor(private readonly tabId: string, private readonly report: (lost: LostOp[]) => Promise<unknown>) {}

  add({collection, id}: {collection: string; id: string}, ops: readonly PendingOp[], error: ErrorData, madeAt?: number): void {
    const from = this.waiting.length;
    let after: string | undefined;
    for (const op of ops) {
      // Concurrent ops of others have left nothing of this op.
      if (!op.create && !op.del && op.op === undefined) continue;
      const type = op.type?.uri ?? op.type?.name ?? null;
      const letterId = `${this.tabId}/${++this.count}`;
      this.waiting.push({
        id: letterId, collection, doc: id, step: op.was ? {op: op.was} : stepOf(op), type, error,
        // If the op has `was`, the version belongs to another database than the op.
        ...(after !== undefined ? {after} : madeAt !== undefined && !op.was && {v: madeAt})
      });
      after = letterId;
    }
    this.handOver(from);
  }

  /** Hands over the ops that the last host has not confirmed. It does not wait for the answer, because the page may end before it. */
  handOver(from = 0): void {
    for (; from < this.waiting.length; from += MAX_LOST_OPS) {
      const lost = this.waiting.slice(from, from + MAX_LOST_OPS);
      this.report(lost).catch((error: {code?: unknown}) => error.code !== 'ERR_MESSAGE_BADLY_FORMED').then(isLeft => {
        if (isLeft !== true) this.waiting = this.waiting.filter(each => !lost.includes(each));
      });
    }
  }
}
