import {CANCEL, FAIL, type FlowEnd, type FlowLink} from './flow-link.js';

/** A signal that can't be aborted any more, as nobody has its controller, is forgotten on both sides. */
const collected = new FinalizationRegistry<() => void>(drop => drop());

/** Tells the other side when a signal of this side is aborted. */
export function forwardSignal(signal: AbortSignal, link: FlowLink): FlowEnd {
  // Holds no signal: only the app does.
  const weak = new WeakRef(signal);
  const listener = (): void => {
    const reason: unknown = weak.deref()?.reason;
    try {
      link.send(FAIL, reason);
    } catch {
      link.send(FAIL, undefined);
    }
    link.done();
  };
  signal.addEventListener('abort', listener, {once: true});
  collected.register(signal, () => {
    link.send(CANCEL);
    link.done();
  });
  return {handle: () => {}, close: () => weak.deref()?.removeEventListener('abort', listener)};
}

/** A signal here that follows one of the other side. It is aborted, too, when the connection ends. */
export function followSignal(link: FlowLink): {end: FlowEnd; value: AbortSignal} {
  const controller = new AbortController();
  const handle = (what: number, reason: unknown): void => {
    link.done();
    if (what === FAIL) controller.abort(reason);
  };
  return {value: controller.signal, end: {handle, close: error => controller.abort(error)}};
}
