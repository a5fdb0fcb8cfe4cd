import type {HostReport, Report} from '../protocol/report.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {Elements} from './elements.js';

/** What every view gets. */
export interface ViewContext {
  readonly elements: Elements;
  readonly connection: ProxyConnection;
  readonly report: Report | undefined;
  /** Runs an action of the user, tells its error, and shows what has changed. */
  act(what: string, action: () => unknown): void;
  /** Gives the user a file. */
  save(name: string, text: string): void;
  /** Asks before something that can't be undone. */
  confirm(question: string): boolean;
}

const hostOf = (report: Report | undefined): HostReport | undefined => (report && 'tabList' in report ? report : undefined);

export function overview({elements, connection, report}: ViewContext): HTMLElement {
  const host = hostOf(report);
  const {status} = connection;
  const problem = report && 'error' in report ? elements.make('p', {class: 'warning'}, `No host answers: ${report.error}`) : null;
  return elements.make('div', {},
    problem,
    elements.make('h3', {}, 'This tab'),
    elements.facts([
      ['Id', connection.id ?? '–'], ['Mode', (connection as {mode?: string}).mode ?? 'unknown'], ['Host', connection.hostState],
      ['Server', connection.state], ['Edits', connection.saveState], ['Documents', report?.tab.docs ?? 0], ['Queries', report?.tab.queries ?? 0]
    ]),
    host && elements.make('h3', {}, 'Host'),
    host && elements.facts([
      ['Where', host.place], ['Namespace', host.namespace], ['Build', host.build || '–'], ['Protocol', host.protocol], ['Since', timeOf(host.generation)],
      ['Epoch', host.epoch], ['Server', host.state], ['Documents', host.docs], ['Queries', host.queries], ['Presences', host.presences],
      ['Pending edits', `${host.pendingOps} in ${host.pendingDocs} documents`],
      ['Fault of the server', status.serverFault ? `${status.serverFault.docs} documents: ${status.serverFault.error.message}` : 'none']
    ]),
    host && elements.table('Tabs', ['Id', 'State', 'Lag'], host.tabList.map(({id, isThere, sentBatches, acknowledgedBatches}) => [
      id === connection.id ? `${id} (this one)` : id, isThere ? 'here' : 'away', `${sentBatches - acknowledgedBatches} batches`
    ]), 'There are no tabs.'),
    host && elements.table('Last errors of the host', ['Time', 'Error'],
      host.lastErrors.map(({time, text}) => [timeOf(time), text]), 'The host has told of no errors.'));
}

export function documents({elements, connection, report}: ViewContext): HTMLElement {
  const host = hostOf(report);
  const unsaved = connection.status.unsaved ?? [];
  return elements.make('div', {},
    elements.table('Documents that the host has open', ['Document', 'Type', 'Version', 'Revision', 'History', 'Followers', 'Pending', 'Refused'],
      (host?.docList ?? []).map(({collection, id, type, version, revision, history, followers, pendingOps}) => [
        `${collection}/${id}`, type ?? '–', version ?? '–', revision, history, followers, pendingOps,
        unsaved.find(one => one.collection === collection && one.id === id)?.refusedOps ?? 0
      ]), 'The host has no document open.'),
    host && host.docs > host.docList.length && elements.make('p', {}, `${host.docs - host.docList.length} more are not shown.`));
}

/** What is asked of the host for {@link store}, beside the report. */
export interface Kept {
  letters: Awaited<ReturnType<ProxyConnection['deadLetters']['list']>>;
  quarantined: Awaited<ReturnType<ProxyConnection['quarantine']['list']>>;
}

export async function askKept(connection: ProxyConnection): Promise<Kept> {
  const [letters, quarantined] = await Promise.all([connection.deadLetters.list(), connection.quarantine.list()]);
  return {letters, quarantined};
}

export function store({elements, connection, act, save, confirm}: ViewContext, kept: Kept | undefined, showsData: boolean): HTMLElement {
  const {status} = connection;
  const {storage} = status;
  return elements.make('div', {},
    elements.facts([
      ['Durable', status.durable ? 'yes' : 'no'], ['Error', status.storeError?.message ?? 'none'], ['Changes to write', status.pendingWrites],
      ['Storage', storage ? `${sizeOf(storage.usage)} of ${sizeOf(storage.quota)}` : 'unknown']
    ]),
    elements.table('Dead letters', ['Document', 'Error', 'Time', ...(showsData ? ['Edit'] : []), 'Actions'],
      (kept?.letters ?? []).map(({id, collection, doc, error, time, step}) => [
        `${collection}/${doc}`, `${error.code ?? ''} ${error.message}`.trim(), timeOf(time),
        ...(showsData ? [elements.make('code', {}, JSON.stringify(step).slice(0, 500))] : []),
        elements.make('span', {class: 'actions'},
          elements.button('Retry', () => act('Retry', () => connection.deadLetters.retry(id)), `Retry the edit of ${collection}/${doc}`),
          elements.button('Discard', () => {
            if (confirm(`Discard the refused edit of ${collection}/${doc}? It can't be undone.`)) act('Discard', () => connection.deadLetters.discard(id));
          }, `Discard the edit of ${collection}/${doc}`))
      ]), 'The server has refused no edit.'),
    elements.button('Export dead letters', () => act('Export', async () => save('dead-letters.json', await connection.deadLetters.export()))),
    elements.table('Quarantine', ['Document', 'Error', 'Actions'],
      (kept?.quarantined ?? []).map(({id, collection, doc, error}) => [
        `${collection}/${doc}`, error.message,
        elements.make('span', {class: 'actions'},
          elements.button('Restore', () => act('Restore', () => connection.quarantine.restore(id)), `Restore ${collection}/${doc}`),
          elements.button('Discard', () => {
            if (confirm(`Discard what was stored of ${collection}/${doc}? It can't be undone.`)) act('Discard', () => connection.quarantine.discard(id));
          }, `Discard what was stored of ${collection}/${doc}`))
      ]), 'Nothing is quarantined.'),
    elements.button('Export quarantine', () => act('Export', async () => save('quarantine.json', await connection.quarantine.export()))));
}

export const timeOf = (time: number): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '–' : date.toISOString().slice(11, 23);
};

const sizeOf = (bytes: number | undefined): string => (bytes === undefined ? 'unknown' : `${(bytes / 2 ** 20).toFixed(1)} MB`);
