/** An item of a stream or iterable, or the value of a promise. */
export const ITEM = 0;
/** So many items, and bytes, more may be sent. */
export const CREDIT = 1;
export const END = 2;
/** It has failed, or a signal is aborted, with a reason. */
export const FAIL = 3;
/** The other side wants no more. */
export const CANCEL = 4;

/** One end of what goes on after the message that it came with. */
export interface FlowEnd {
  handle(what: number, value: unknown): void;
  /** The connection has ended. */
  close(error: Error): void;
}

/** What an end has to say to the other one. */
export interface FlowLink {
  /** @param moves whether a byte chunk that owns its buffer is moved. Throws where the value can't be sent. */
  send(what: number, value?: unknown, moves?: boolean): void;
  /** Nothing more is said or heard. */
  done(): void;
}
