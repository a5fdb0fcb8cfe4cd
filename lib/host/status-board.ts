import type {Platform} from '../platform/platform.js';
import {MAX_UNSAVED_DOCS, type HostStatus} from '../protocol/host-status.js';
import type {DurableStore} from '../store/durable-store.js';

/** The shortest time between two status messages that are sent because something has changed, in ms. */
const STATUS_EVERY_MS = 20;
const ESTIMATE_EVERY_MS = 30_000;
/** If this many documents or more have pending ops, a saved document is reported with the next status and not at once. */
const MAX_SENT_AT_ONCE = 10;

export interface StatusBoardOwner {
  readonly store: DurableStore | undefined;
  /** The counts of connected tabs and dead letters, the server's fault if there is one, and the unsaved documents. */
  counts(): Pick<HostStatus, 'tabs' | 'deadLetters' | 'serverFault' | 'unsaved'>;
  /** Sends the status to all tabs. */
  send(status: HostStatus): void;
}

/** Sends the tabs the status of the host. */
export class StatusBoard {
  /** The number of ops that the server has not answered. */
  pendingOps = 0;
  private pendingDocs = 0;
  private estimate: HostStatus['storage'];
  private estimatedAt = -Infinity;
  private cancel: (() => void) | undefined;
  private sent = '';
  /** The documents with pending ops in the last status that was sent to all tabs, and in those sent to single tabs since. */
  private readonly sentPending = new Set<string>();
  /** Whether those statuses may have left out documents with pending ops. */
  private isListCut = false;
  /** Whether the dead letters have changed since the last status. */
  private hasNewLetters = false;
  private ended = false;

  constructor(private readonly platform: Platform, private readonly owner: StatusBoardOwner) {}

  /**
   * Counts a new or a settled op. If the document has no pending ops any more, and the tabs were notified that it had, or the op was
   * refused, the status is sent at once. The op's outcome is sent after it, so an app that has awaited its edit does not read an old save
   * state.
   * @param opsOfDoc the number of pending ops of the document now
   */
  countPending(change: 1 | -1, opsOfDoc: number, doc: {collection: string; id: string}): void {
    this.pendingOps += change;
    if (opsOfDoc === (change === 1 ? 1 : 0)) this.pendingDocs += change;
    this.update();
    if (!this.ended && !opsOfDoc && this.pendingDocs < MAX_SENT_AT_ONCE && (this.hasNewLetters || this.isSentPending(doc))) this.send();
  }

  /** The dead letters have changed. Those of a refused op are added before the op is counted as settled. */
  noteLetters(): void {
    this.hasNewLetters = true;
    this.update();
  }

  /** Tabs assume that a document that is missing in a full list has pending ops, if the last document in the list has some. */
  private isSentPending(doc: {collection: string; id: string}): boolean {
    return this.isListCut || this.sentPending.has(nameOf(doc));
  }

  status(): HostStatus {
    const {store} = this.owner;
    return {
      ...this.owner.counts(), pendingOps: this.pendingOps, pendingDocs: this.pendingDocs,
      durable: store?.isDurable ?? false,
      pendingWrites: store?.queueSize ?? 0,
      ...(store?.quarantine.size && {quarantined: store.quarantine.size}),
      ...(store?.lastError && {storeError: store.lastError}),
      ...(this.estimate && {storage: this.estimate})
    };
  }

  /** Schedules a status, because something may have changed. It is sent only if it then differs from the last one. */
  update(): void {
    if (this.ended) return;
    this.cancel ??= this.platform.clock.after(STATUS_EVERY_MS, () => {
      this.cancel = undefined;
      this.send();
      void this.estimateStorage();
    });
  }

  private send(): void {
    this.hasNewLetters = false;
    const status = this.status();
    const json = JSON.stringify(status);
    if (json === this.sent) return;
    this.sent = json;
    this.sentPending.clear();
    this.isListCut = false;
    this.noteSent(status);
    this.owner.send(status);
  }

  /**
   * Returns the status if it has changed and is not sent yet, for a tab that needs it at once. All tabs get the next status, even if the
   * change is reverted by then.
   */
  takeUnsent(): HostStatus | undefined {
    if (!this.cancel) return undefined;
    const status = this.status();
    if (JSON.stringify(status) === this.sent) return undefined;
    this.sent = '';
    this.noteSent(status);
    return status;
  }

  private noteSent({unsaved = []}: HostStatus): void {
    for (const doc of unsaved) if (doc.pendingOps) this.sentPending.add(nameOf(doc));
    this.isListCut ||= !!unsaved[MAX_UNSAVED_DOCS - 1]?.pendingOps;
  }

  /** Schedules a status that is sent in any case, because a new tab has received none. */
  sendAgain(): void {
    this.sent = '';
    this.update();
  }

  end(): void {
    this.ended = true;
    this.cancel?.();
  }

  private async estimateStorage(): Promise<void> {
    const now = this.platform.clock.now();
    if (!this.owner.store?.isDurable || now - this.estimatedAt < ESTIMATE_EVERY_MS) return;
    this.estimatedAt = now;
    const estimate = await this.platform.estimateStorage?.().catch(() => undefined);
    if (!estimate) return;
    this.estimate = estimate;
    this.update();
  }
}

const nameOf = ({collection, id}: {collection: string; id: string}): string => JSON.stringify([collection, id]);
