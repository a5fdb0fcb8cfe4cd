export interface PageLifecycle {
  /** The page is hidden. It may be frozen or discarded without a further event. */
  onHidden(): void;
  onVisible(isVisible: boolean): void;
  /** The page is unloaded. `mayReturn`: it may enter the back/forward cache. */
  onAway(mayReturn: boolean): void;
  /** The page has returned from the back/forward cache. */
  onBack(): void;
  /** The page is frozen: after this task, it runs no tasks and receives no messages. */
  onFreeze(): void;
  onThaw(): void;
  /** Another page has changed localStorage. */
  onStorage(event: StorageEvent): void;
}

/**
 * Calls back on the lifecycle events of the page (`pagehide`, `pageshow` and `visibilitychange` of HTML, `freeze` and `resume` of Page
 * Lifecycle). Does nothing in a worker or in Node.
 * @returns a function that removes the listeners
 */
export function watchPage({onHidden, onVisible, onAway, onBack, onFreeze, onThaw, onStorage}: PageLifecycle): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
  const seen = (): void => {
    const isVisible = document.visibilityState === 'visible';
    onVisible(isVisible);
    if (!isVisible) onHidden();
  };
  onVisible(document.visibilityState === 'visible');
  const away = ({persisted}: PageTransitionEvent): void => onAway(persisted);
  const back = ({persisted}: PageTransitionEvent): void => { if (persisted) onBack(); };
  // The page's own `pagehide` listeners may edit documents after this one has run. `visibilitychange` is dispatched later (HTML,
  // "unload a document"), and handles those edits. Chromium does not call a listener that is added while the event is dispatched.
  const listening = new AbortController();
  const options = {signal: listening.signal};
  window.addEventListener('pagehide', away, options);
  window.addEventListener('pageshow', back, options);
  window.addEventListener('storage', onStorage, options);
  document.addEventListener('freeze', onFreeze, options);
  document.addEventListener('resume', onThaw, options);
  document.addEventListener('visibilitychange', seen, options);
  return () => listening.abort();
}
