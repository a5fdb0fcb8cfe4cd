import type {DocDataReport, InspectOptions} from '../../protocol/report.js';
import type {SharedDocs} from '../doc/shared-docs.js';

/** More of a document is not reported: the report is a message to a page that shows it as text. */
const MAX_JSON = 100_000;

/** The data of the document that a request names. Nothing for all other requests, and if the document is not open. */
export function docDataOf(docs: SharedDocs, {doc: asked}: InspectOptions): {docData?: DocDataReport} {
  // Not from `get`: a look must not open a document.
  const found = asked && docs.find([asked.collection, asked.id]);
  if (!found) return {};
  const {collection, id, rev: revision, doc: {data, version}} = found;
  const json = JSON.stringify(data, null, 2) as string | undefined;
  return {docData: {collection, id, version, revision, length: json?.length ?? 0, ...(json !== undefined && {json: json.slice(0, MAX_JSON)})}};
}
