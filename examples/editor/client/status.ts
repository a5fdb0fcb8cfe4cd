/** The strip at the bottom: how this tab reaches the server, and its unsent changes. */
import type {TabConnection} from 'sharedb-tabs';
import {element} from './page.js';

const fields = {
  mode: element('status-mode'),
  tabs: element('status-tabs'),
  pending: element('status-pending'),
  state: element('status-state'),
  host: element('status-host'),
  sockets: element('status-sockets'),
  plain: element('status-plain')
};
const summary = element('status-summary');

/** How long changes may wait for the server before the strip says that they are being sent, in ms. */
const patience = 500;
const socketsEvery = 2000;

/**
 * @param canType whether the tab shows a document that can be edited
 * @returns a function that updates the strip, for when `canType` changes
 */
export function showStatus(connection: TabConnection, canType: () => boolean): () => void {
  let reason: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const show = () => {
    const {tabs, pendingOps} = connection.status;
    set(fields.mode, connection.mode ?? '…');
    set(fields.tabs, String(tabs));
    set(fields.plain, String(tabs));
    set(fields.pending, String(pendingOps));
    set(fields.state, connection.state);
    set(fields.host, connection.hostState);
    fields.mode.title = reason ?? '';

    summary.dataset.value = connection.state;

    clearTimeout(timer);
    const words = summarize(connection, canType());
    if (words === sending) timer = setTimeout(() => setText(summary, words), patience);
    else setText(summary, words);
  };

  connection.on('mode', (_mode: unknown, why: unknown) => {
    reason = typeof why === 'string' ? why : undefined;
    show();
  });
  connection.on('status', show);
  connection.on('state', show);
  connection.on('hostState', show);
  show();
  countSockets(connection);
  return show;
}

const sending = 'Sending changes…';

function summarize({state, hostState, status}: TabConnection, canType: boolean): string {
  const {pendingOps} = status;
  if (hostState === 'lost') return 'Finding the way back to the other tabs…';
  if (hostState === 'connecting') return 'Connecting…';
  if (state !== 'connected') {
    if (pendingOps === 0) return canType ? 'Offline. You can go on typing.' : 'Offline';
    return `Offline. ${pendingOps === 1 ? 'One change waits' : `${pendingOps} changes wait`} to be sent.`;
  }
  return pendingOps === 0 ? 'All changes saved' : sending;
}

function set(field: HTMLElement, value: string): void {
  setText(field, value);
  field.dataset.value = value;
}

/** Does not replace equal text: a screen reader would read it again. */
function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Requests the number of sockets from the server every two seconds. */
function countSockets(connection: TabConnection): void {
  const ask = async () => {
    if (connection.state !== 'connected') return set(fields.sockets, '–');
    if (document.hidden) return;
    try {
      const response = await fetch('/status', {cache: 'no-store'});
      const {sockets} = (await response.json()) as {sockets: number};
      set(fields.sockets, String(sockets));
    } catch {
      set(fields.sockets, '–');
    }
  };
  setInterval(ask, socketsEvery);
  connection.on('state', ask);
  document.addEventListener('visibilitychange', ask);
  void ask();
}
