import {CANCEL, FAIL, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';

/** A signal that was garbage-collected can never be aborted: its controller is gone, too. Both sides then end the flow. */
const collected = new FinalizationRegistry<() => void>(drop => drop());

/** Notifies the other side when a signal of this side is aborted. */
export function forwardSignal(signal: AbortSignal, link: FlowLink): FlowEnd {
  // A weak reference: only the app keeps the signal alive.
  const weak = new WeakRef(signal);
  const listener = (): void => {
    sendLast(link, FAIL, weak.deref()?.reason);
  };
  signal.addEventListener('abort', listener, {once: true});
  collected.register(signal, () => {
    sendLast(link, CANCEL);
  });
  return {handle: () => {}, close: () => weak.deref()?.removeEventListener('abort', listener)};
}

/** A signal on this side that follows one of the other side. It is also aborted when the connection ends. */
export function followSignal(link: FlowLink): {end: FlowEnd; value: AbortSignal} {
  const controller = new AbortController();
  const handle = (what: number, reason: unknown): void => {
    link.done();
    if (what === FAIL) controller.abort(reason);
  };
  return {value: controller.signal, end: {handle, close: error => controller.abort(error)}};
}
