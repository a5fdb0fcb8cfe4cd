import type {Platform} from '../platform/platform.js';
import {MAX_UNSAVED_DOCS, type HostStatus} from '../protocol/messages.js';
import type {DurableStore} from '../store/durable-store.js';

/** The tabs' status lines need no more than this, however fast the ops come. */
const STATUS_EVERY_MS = 20;
const ESTIMATE_EVERY_MS = 30_000;
/** While more documents wait, tabs hear that one of them is saved with the next status, so that a flood makes no flood of lists. */
const MAX_TOLD_AT_ONCE = 10;

export interface StatusBoardOwner {
  readonly store: DurableStore | undefined;
  /** How many tabs are there, and how many ops are kept that the server rejected. */
  counts(): Pick<HostStatus, 'tabs' | 'deadLetters' | 'serverFault' | 'unsaved'>;
  /** All tabs are to hear it. */
  tell(status: HostStatus): void;
}

/** Sends the tabs the status of the host. */
export class StatusBoard {
  /** The ops that the server has not answered to. */
  pendingOps = 0;
  private pendingDocs = 0;
  private estimate: HostStatus['storage'];
  private estimatedAt = -Infinity;
  private cancel: (() => void) | undefined;
  private told = '';
  /** The documents with pending ops in the last status that all tabs or one tab got. */
  private toldPending: ReadonlySet<string> = new Set();
  /** That status may have left out documents with pending ops. */
  private isListCut = false;
  private ended = false;

  constructor(private readonly platform: Platform, private readonly owner: StatusBoardOwner) {}

  /**
   * The outcome of an op is sent after this. If the tabs believe that the document has unsaved edits, and it has none any more, they hear
   * it first: an app that has waited for its edit would read an old save state.
   * @param opsOfDoc how many ops of the document are pending now
   */
  countPending(change: 1 | -1, opsOfDoc: number, doc: {collection: string; id: string}): void {
    this.pendingOps += change;
    if (opsOfDoc === (change === 1 ? 1 : 0)) this.pendingDocs += change;
    this.update();
    if (!this.ended && !opsOfDoc && this.pendingDocs < MAX_TOLD_AT_ONCE && this.isToldPending(doc)) this.tell();
  }

  /** Tabs take a document that is not in a full list for one that waits, if the last one in it does. */
  private isToldPending(doc: {collection: string; id: string}): boolean {
    return this.isListCut || this.toldPending.has(nameOf(doc));
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

  /** Something may have changed. A change that is reverted before it is sent is not sent. */
  update(): void {
    if (this.ended) return;
    this.cancel ??= this.platform.clock.after(STATUS_EVERY_MS, () => {
      this.cancel = undefined;
      this.tell();
      void this.lookAtStorage();
    });
  }

  private tell(): void {
    const status = this.status();
    const json = JSON.stringify(status);
    if (json === this.told) return;
    this.told = json;
    this.toldPending = new Set();
    this.isListCut = false;
    this.noteTold(status);
    this.owner.tell(status);
  }

  /**
   * The status if it has changed and is not sent yet, for one tab that can't wait for that. All tabs get the next status, even if this
   * one has changed back by then.
   */
  takeUntold(): HostStatus | undefined {
    if (!this.cancel) return undefined;
    const status = this.status();
    if (JSON.stringify(status) === this.told) return undefined;
    this.told = '';
    this.noteTold(status);
    return status;
  }

  private noteTold({unsaved = []}: HostStatus): void {
    const pending = unsaved.filter(({pendingOps}) => pendingOps).map(nameOf);
    this.toldPending = new Set([...this.toldPending, ...pending]);
    this.isListCut ||= !!unsaved[MAX_UNSAVED_DOCS - 1]?.pendingOps;
  }

  /** There is somebody who has been told nothing yet. */
  tellAnew(): void {
    this.told = '';
    this.update();
  }

  end(): void {
    this.ended = true;
    this.cancel?.();
  }

  private async lookAtStorage(): Promise<void> {
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
