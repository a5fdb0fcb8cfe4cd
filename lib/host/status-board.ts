import type {Platform} from '../platform/platform.js';
import type {HostStatus} from '../protocol/messages.js';
import type {DurableStore} from '../store/durable-store.js';

/** The tabs' status lines need no more than this, however fast the ops come. */
const STATUS_EVERY_MS = 20;
const ESTIMATE_EVERY_MS = 30_000;

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
  private ended = false;

  constructor(private readonly platform: Platform, private readonly owner: StatusBoardOwner) {}

  /** @param opsOfDoc how many ops of the document are pending now */
  countPending(change: 1 | -1, opsOfDoc: number): void {
    this.pendingOps += change;
    if (opsOfDoc === (change === 1 ? 1 : 0)) this.pendingDocs += change;
    this.update();
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
      const status = this.status();
      const json = JSON.stringify(status);
      if (json !== this.told) this.owner.tell(status);
      this.told = json;
      void this.lookAtStorage();
    });
  }

  /** The status if it has changed and is not sent yet, for those who can't wait for that. */
  get untold(): HostStatus | undefined {
    if (!this.cancel) return undefined;
    const status = this.status();
    return JSON.stringify(status) === this.told ? undefined : status;
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
