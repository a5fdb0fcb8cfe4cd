export interface PageLife {
  /** The page is not seen any more, and may be frozen or discarded without another event. */
  onHidden(): void;
  /** The page goes away. `mayReturn`: into the back/forward cache. */
  onAway(mayReturn: boolean): void;
  /** It is back from there. */
  onBack(): void;
}

/**
 * Tells of the page's life (Page Lifecycle, HTML `pagehide`). Nothing in a worker or in Node.
 * @returns ends it
 */
export function watchPage({onHidden, onAway, onBack}: PageLife): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
  const hidden = (): void => { if (document.visibilityState === 'hidden') onHidden(); };
  const away = ({persisted}: PageTransitionEvent): void => onAway(persisted);
  const back = ({persisted}: PageTransitionEvent): void => { if (persisted) onBack(); };
  window.addEventListener('pagehide', away);
  window.addEventListener('pageshow', back);
  document.addEventListener('freeze', onHidden);
  document.addEventListener('visibilitychange', hidden);
  return () => {
    window.removeEventListener('pagehide', away);
    window.removeEventListener('pageshow', back);
    document.removeEventListener('freeze', onHidden);
    document.removeEventListener('visibilitychange', hidden);
  };
}
