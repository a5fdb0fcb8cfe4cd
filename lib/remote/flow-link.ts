/** An item of a stream or iterable, or the value of a promise. */
export const ITEM = 0;
/** The number of further items and bytes that may be sent. */
export const CREDIT = 1;
export const END = 2;
/** The flow has failed, or a signal was aborted, with a reason. */
export const FAIL = 3;
/** The receiver wants no more items, or a signal can't be aborted any more. */
export const CANCEL = 4;

/** One end of a flow: a stream, iterable, promise or signal that continues after the message that introduced it. */
export interface FlowEnd {
  handle(what: number, value: unknown): void;
  /** The connection has ended. Without an error, the flow was never offered to the other side, and the app gets its stream back. */
  close(error?: Error): void;
}

/** The link from one end of a flow to the other. */
export interface FlowLink {
  /**
   * @param moves whether a byte chunk that owns its buffer is transferred
   * @throws if the value can't be sent
   */
  send(what: number, value?: unknown, moves?: boolean): void;
  /** The flow has ended: nothing more is sent or received. */
  done(): void;
}

/** Sends the end of a flow. If its value can't be sent, the other side gets this error. */
export function sendLast(link: FlowLink, what: number, value?: unknown): void {
  try {
    link.send(what, value);
  } catch (error) {
    if (what === CANCEL) link.send(CANCEL);
    else link.send(FAIL, error);
  }
  link.done();
}
