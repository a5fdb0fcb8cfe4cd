import type {DocDataReport, InspectOptions} from '../../protocol/report.js';
import type {SharedDocs} from '../doc/shared-docs.js';

/** The most characters of a document's JSON in a report, because a page shows it as text. */
const MAX_JSON = 100_000;

/** Returns the data of the document that a request names; nothing if it names none or the document is not open. */
export function docDataOf(docs: SharedDocs, {doc: asked}: InspectOptions): {docData?: DocDataReport} {
  // `get` would open the document, which a report must not do.
  const found = asked && docs.find([asked.collection, asked.id]);
  if (!found) return {};
  const {collection, id, rev: revision, doc: {data, version}} = found;
  const json = JSON.stringify(data, null, 2) as string | undefined;
  return {docData: {collection, id, version, revision, length: json?.length ?? 0, ...(json !== undefined && {json: json.slice(0, MAX_JSON)})}};
}
