export interface PageLifecycle {
  /** The page is not seen any more, and may be frozen or discarded without another event. */
  onHidden(): void;
  onVisible(isVisible: boolean): void;
  /** The page goes away. `mayReturn`: into the back/forward cache. */
  onAway(mayReturn: boolean): void;
  /** It is back from there. */
  onBack(): void;
  /** It stands still after this turn, and is not told of anything. */
  onFreeze(): void;
  onThaw(): void;
}

/**
 * Tells of the page's life (Page Lifecycle, HTML `pagehide`). Nothing in a worker or in Node.
 * @returns ends it
 */
export function watchPage({onHidden, onVisible, onAway, onBack, onFreeze, onThaw}: PageLifecycle): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
  const seen = (): void => {
    const isVisible = document.visibilityState === 'visible';
    onVisible(isVisible);
    if (!isVisible) onHidden();
  };
  onVisible(document.visibilityState === 'visible');
  const away = ({persisted}: PageTransitionEvent): void => onAway(persisted);
  const back = ({persisted}: PageTransitionEvent): void => { if (persisted) onBack(); };
  // What the page's own listeners edit after this one, `visibilitychange` finds: it comes after `pagehide` (HTML,
  // "unload a document"). A listener that is added while the event is under way does not run in Chromium.
  window.addEventListener('pagehide', away);
  window.addEventListener('pageshow', back);
  document.addEventListener('freeze', onFreeze);
  document.addEventListener('resume', onThaw);
  document.addEventListener('visibilitychange', seen);
  return () => {
    window.removeEventListener('pagehide', away);
    window.removeEventListener('pageshow', back);
    document.removeEventListener('freeze', onFreeze);
    document.removeEventListener('resume', onThaw);
    document.removeEventListener('visibilitychange', seen);
  };
}
