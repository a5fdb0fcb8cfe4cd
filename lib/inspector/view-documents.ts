import {hostOf, hostProblem, notShown, type ViewContext} from './view-context.js';

export function documents(context: ViewContext): HTMLElement {
  const {elements, connection, report, showsData} = context;
  const host = hostOf(report);
  const unsaved = connection.status.unsaved ?? [];
  return elements.make('div', {},
    hostProblem(context),
    elements.table('Documents that the host has open',
      ['Document', 'Type', 'Version', 'Revision', 'History', 'Followers', 'Pending', 'Refused', ...(showsData ? ['Data'] : [])],
      (host?.docList ?? []).map(doc => [
        `${doc.collection}/${doc.id}`, doc.type ?? '–', doc.version ?? '–', doc.revision, doc.history, doc.followers, doc.pendingOps,
        unsaved.find(one => one.collection === doc.collection && one.id === doc.id)?.refusedOps ?? 0,
        ...(showsData ? [dataButton(doc, context)] : [])
      ]), 'The host has no document open.'),
    host && notShown(elements, host.docs - host.docList.length, 'documents'),
    showsData && data(context));
}

function dataButton(doc: {collection: string; id: string}, {elements, shownDoc, showDoc}: ViewContext): HTMLElement {
  const isShown = shownDoc.is(doc);
  // The label stays the same, so that the new button gets the focus that the old one had.
  return elements.make('button', {
    'type': 'button', 'aria-pressed': String(isShown), 'aria-label': `Data of ${doc.collection}/${doc.id}`, 'click': () => showDoc(isShown ? undefined : doc)
  }, 'Show');
}

function data({elements, shownDoc: {name, report}}: ViewContext): HTMLElement | null {
  if (!name) return null;
  const title = `${name.collection}/${name.id}`;
  if (!report) return elements.make('p', {class: 'empty'}, `The host has not told the data of ${title}.`);
  const {json, length, version, revision} = report;
  return elements.make('div', {'role': 'region', 'aria-label': `Data of ${title}`},
    elements.make('h3', {}, `${title}, version ${version ?? '–'}, revision ${revision}`),
    json === undefined ? elements.make('p', {class: 'empty'}, 'The document does not exist.') : elements.make('pre', {}, json),
    json !== undefined && notShown(elements, length - json.length, 'characters'));
}
