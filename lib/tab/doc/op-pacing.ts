import type {Clock} from '../../platform/platform.js';

/** The shortest time between two ops that can be composed, in ms, while ops wait for the server. This is one frame at 60 Hz. */
const FRAME_MS = 16;

/** The parts of a document that decide when its ops are sent. */
export interface PacedDoc {
  readonly connection: {readonly clock: Clock; readonly state: string};
  /** Ops that wait for the server's answer. */
  readonly unsettled: readonly unknown[];
  /** Ops that wait to be sent. */
  readonly pendingOps: readonly unknown[];
  readonly preventCompose: boolean;
  flush(): void;
}

/** Decides when the ops of a document are sent to the host, so that ops that can be composed are sent as one. */
export class OpPacing {
  /** Whether a tick that flushes is scheduled. */
  willFlush = false;
  private isHeldBack = false;
  /** When the last op was sent, in ms since the epoch. */
  sentAt = 0;

  constructor(private readonly doc: PacedDoc) {}

  /** An op was added. @returns whether a tick that flushes has to be scheduled for it */
  needsTick(): boolean {
    return !this.willFlush && !(this.isHeldBack && this.mayStillGrow) && (this.willFlush = true);
  }

  /** Holds the next op back for a short time if other ops may be composed with it. @returns whether it does */
  holdBack(): boolean {
    const {mayStillGrow, doc} = this;
    if (mayStillGrow && !this.isHeldBack) {
      this.isHeldBack = true;
      doc.connection.clock.after(FRAME_MS, () => {
        this.isHeldBack = false;
        doc.flush();
      });
    }
    return mayStillGrow;
  }

  private get mayStillGrow(): boolean {
    const {connection, unsettled, pendingOps, preventCompose} = this.doc;
    const since = connection.clock.now() - this.sentAt;
    // If the clock was set back, the time since the last op is unknown.
    return unsettled.length > 0 && pendingOps.length === 1 && !preventCompose && connection.state === 'connected' && since >= 0 && since < FRAME_MS;
  }
}
