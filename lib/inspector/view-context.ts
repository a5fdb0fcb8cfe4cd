import type {HostReport, Report} from '../protocol/report.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Elements} from './elements.js';
import type {DocName, ShownDoc} from './shown-doc.js';

/** The data and the actions that each view gets. */
export interface ViewContext {
  readonly elements: Elements;
  readonly connection: ProxyConnection;
  readonly report: Report | undefined;
  /** Whether the host has not answered the last request in time. */
  readonly isSilent: boolean;
  /** Whether this page is read-only. Its views have no buttons that change something. */
  readonly isReadOnly: boolean;
  /** Whether the user has chosen to show documents' data. */
  readonly showsData: boolean;
  /** The document whose data are shown. */
  readonly shownDoc: ShownDoc;
  /** Shows the data of a document, or of none. */
  showDoc(doc: DocName | undefined): void;
  /** Runs an action of the user, shows its error, and requests the view's data again. @param what the name of the action in the error */
  act(what: string, action: () => unknown): void;
  /** Downloads a text as a file. */
  save(name: string, text: string): void;
  /** Lets the user confirm an action that can't be undone. */
  confirm(question: string): boolean;
}

export const hostOf = (report: Report | undefined): HostReport | undefined => (report && 'tabList' in report ? report : undefined);

/** A warning if no host answers, or if the shown report is old; otherwise null. */
export function hostProblem({elements, report, isSilent, isReadOnly}: ViewContext): HTMLElement | null {
  const show = (text: string): HTMLElement => elements.make('p', {class: 'warning'}, text);
  if (isSilent) return show('The host does not answer. What is shown is what it told last.');
  if (!report || !('error' in report)) return null;
  return show(`No host answers: ${report.error}.${isReadOnly ? ' This page starts none: open a tab of the app.' : ''}`);
}

/** A line that says how much more there is than a view shows. */
export const notShown = (elements: Elements, count: number, what: string): HTMLElement | false =>
  count > 0 && elements.make('p', {}, `${count} more ${what} are not shown.`);

export const timeOf = (time: number): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '–' : date.toISOString().slice(11, 23);
};

export const sizeOf = (bytes: number | undefined): string => (bytes === undefined ? 'unknown' : `${(bytes / 2 ** 20).toFixed(1)} MB`);

/** The two largest units of a time in ms. */
export function durationOf(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Enough of a tab's id to tell it from the others. */
export const shortId = (id: string): string => id.slice(0, 8);

/** The short ids of tabs as a text. This tab is called 'this tab'. */
export const followersOf = (ids: readonly string[], {connection}: ViewContext): string =>
  ids.map(id => (id === connection.id ? 'this tab' : shortId(id))).join(', ') || 'none';
