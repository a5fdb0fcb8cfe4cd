import type {ProxyConnection} from '../tab/proxy-connection.js';
import {sizeOf, timeOf, type ViewContext} from './view-context.js';

/** The data of {@link store} that the report does not contain. */
export interface Kept {
  letters: Awaited<ReturnType<ProxyConnection['deadLetters']['list']>>;
  quarantined: Awaited<ReturnType<ProxyConnection['quarantine']['list']>>;
}

export async function askKept(connection: ProxyConnection): Promise<Kept> {
  const [letters, quarantined] = await Promise.all([connection.deadLetters.list(), connection.quarantine.list()]);
  return {letters, quarantined};
}

export function store(context: ViewContext, kept: Kept | undefined): HTMLElement {
  const {elements, connection, act, save} = context;
  const {status} = connection;
  const {storage} = status;
  return elements.make('div', {},
    elements.facts([
      ['Durable', status.durable ? 'yes' : 'no'], ['Error', status.storeError?.message ?? 'none'], ['Changes to write', status.pendingWrites],
      ['Storage', storage ? `${sizeOf(storage.usage)} of ${sizeOf(storage.quota)}` : 'unknown']
    ]),
    letterTable(context, kept?.letters ?? []),
    elements.button('Export dead letters', () => act('Export', async () => save('dead-letters.json', await connection.deadLetters.export()))),
    quarantineTable(context, kept?.quarantined ?? []),
    elements.button('Export quarantine', () => act('Export', async () => save('quarantine.json', await connection.quarantine.export()))));
}

function letterTable(context: ViewContext, letters: Kept['letters']): HTMLElement {
  const {elements, connection, act, confirm, showsData, isReadOnly} = context;
  return elements.table('Dead letters', ['Document', 'Error', 'Time', ...(showsData ? ['Edit'] : []), ...(isReadOnly ? [] : ['Actions'])],
    letters.map(({id, collection, doc, error, time, step}) => [
      `${collection}/${doc}`, `${error.code ?? ''} ${error.message}`.trim(), timeOf(time),
      ...(showsData ? [elements.make('code', {}, JSON.stringify(step).slice(0, 500))] : []),
      // The id makes rows with the same text differ.
      ...(isReadOnly ? [] : [elements.make('span', {'class': 'actions', 'data-id': id},
        elements.button('Retry', () => act('Retry', () => connection.deadLetters.retry(id)), `Retry the edit of ${collection}/${doc}`),
        elements.button('Discard', () => {
          if (confirm(`Discard the refused edit of ${collection}/${doc}? It can't be undone.`)) act('Discard', () => connection.deadLetters.discard(id));
        }, `Discard the edit of ${collection}/${doc}`))])
    ]), 'The server has refused no edit.');
}

function quarantineTable(context: ViewContext, quarantined: Kept['quarantined']): HTMLElement {
  const {elements, connection, act, confirm, isReadOnly} = context;
  return elements.table('Quarantine', ['Document', 'Error', ...(isReadOnly ? [] : ['Actions'])],
    quarantined.map(({id, collection, doc, error}) => [
      `${collection}/${doc}`, error.message,
      ...(isReadOnly ? [] : [elements.make('span', {'class': 'actions', 'data-id': id},
        elements.button('Restore', () => act('Restore', () => connection.quarantine.restore(id)), `Restore ${collection}/${doc}`),
        elements.button('Discard', () => {
          if (confirm(`Discard the stored data of ${collection}/${doc}? This can't be undone.`)) act('Discard', () => connection.quarantine.discard(id));
        }, `Discard the stored data of ${collection}/${doc}`))])
    ]), 'Nothing is quarantined.');
}
