import {hostOf, hostProblem, type ViewContext} from './view-context.js';

export function documents(context: ViewContext): HTMLElement {
  const {elements, connection, report} = context;
  const host = hostOf(report);
  const unsaved = connection.status.unsaved ?? [];
  return elements.make('div', {},
    hostProblem(context),
    elements.table('Documents that the host has open', ['Document', 'Type', 'Version', 'Revision', 'History', 'Followers', 'Pending', 'Refused'],
      (host?.docList ?? []).map(({collection, id, type, version, revision, history, followers, pendingOps}) => [
        `${collection}/${id}`, type ?? '–', version ?? '–', revision, history, followers, pendingOps,
        unsaved.find(one => one.collection === collection && one.id === id)?.refusedOps ?? 0
      ]), 'The host has no document open.'),
    host && host.docs > host.docList.length && elements.make('p', {}, `${host.docs - host.docList.length} more are not shown.`));
}
