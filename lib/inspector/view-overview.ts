import type {HostReport, TabEntry} from '../protocol/report.js';
import {durationOf, hostOf, hostProblem, timeOf, type ViewContext} from './view-context.js';

export function overview(context: ViewContext): HTMLElement {
  const {elements, report} = context;
  const host = hostOf(report);
  return elements.make('div', {},
    hostProblem(context),
    thisTab(context),
    host && elements.make('h3', {}, 'Host'),
    host && hostFacts(context, host),
    host && elements.table('Tabs', ['Id', 'State', 'Mode', 'Build', 'Page', 'Answers in', 'Lag'], host.tabList.map(entry => rowOf(entry, context)), 'There are no tabs.'),
    host && elements.table('Last errors of the host', ['Time', 'Error'],
      host.lastErrors.map(({time, text}) => [timeOf(time), text]), 'The host has told of no errors.'));
}

function thisTab({elements, connection, report, isReadOnly}: ViewContext): HTMLElement {
  if (isReadOnly) {
    return elements.make('div', {},
      elements.make('h3', {}, 'This page'),
      elements.facts([['Id', connection.id ?? '–'], ['Host', connection.hostState], ['Rights', 'read-only']]));
  }
  return elements.make('div', {},
    elements.make('h3', {}, 'This tab'),
    elements.facts([
      ['Id', connection.id ?? '–'], ['Mode', report?.tab.mode ?? 'unknown'], ['Build', report?.tab.build || '–'], ['Host', connection.hostState],
      ['Server', connection.state], ['Edits', connection.saveState], ['Documents', report?.tab.docs ?? 0], ['Queries', report?.tab.queries ?? 0]
    ]));
}

function hostFacts({elements, connection: {status}}: ViewContext, host: HostReport): HTMLElement {
  return elements.facts([
    ['Mode', host.place], ['Namespace', host.namespace], ['Build', host.build || '–'], ['Protocol', host.protocol],
    ['Started', timeOf(host.generation)], ['Running for', host.uptime === undefined ? '–' : durationOf(host.uptime)],
    ['Epoch', host.epoch], ['Server', host.state], ['WebSocket', host.socket ?? 'unknown'],
    ['Documents', host.docs], ['Queries', host.queries], ['Presences', host.presences],
    ['Pending edits', `${host.pendingOps} in ${host.pendingDocs} documents`],
    ['Fault of the server', status.serverFault ? `${status.serverFault.docs} documents: ${status.serverFault.error.message}` : 'none']
  ]);
}

function rowOf(entry: TabEntry, {connection}: ViewContext): string[] {
  const {id, isThere, isObserver, mode, build, isVisible, lag, isSilent, sentBatches, acknowledgedBatches} = entry;
  return [
    id === connection.id ? `${id} (this one)` : id,
    `${isThere ? 'here' : 'away'}${isObserver ? ', read-only' : ''}`,
    mode ?? '–', build || '–', isVisible === undefined ? '–' : isVisible ? 'visible' : 'hidden',
    lag === undefined ? '–' : isSilent ? `no answer for ${durationOf(lag)}` : `${Math.round(lag)} ms`,
    `${sentBatches - acknowledgedBatches} batches`
  ];
}
