import type {SnapshotData} from '../../protocol/messages.js';
import type {Callback, IngestibleSnapshot} from '../upstream.js';
import type {DocState} from './doc-state.js';
import {continueFrom, load} from './host-snapshots.js';
import {isUnknown, missingType} from './known-types.js';
import {loseUnsent} from './lose-unsent.js';

/** Ingests a state that the host has sent as an answer to a request, or in a query's results. */
export function ingestFromHost(doc: DocState, snapshot: SnapshotData & {rev: number}, callback: Callback): void {
  const {rev} = doc;
  // A state for an earlier incarnation is ignored. The new incarnation requests its own state.
  if (snapshot.inc !== undefined && !doc.isCurrent(snapshot.inc)) {
    if (rev === null) return doc.fetchUpstream(callback);
    return callback();
  }
  if (rev !== null && snapshot.rev <= rev) return callback();
  if (isUnknown(snapshot.type) && !doc.hasUnsent) {
    // The host assumes that this tab has the state, so the next request has to be of another incarnation.
    doc.startAnew();
    // A result with an unknown type is an error of the document, not of the query.
    if (!('d' in snapshot)) return callback(missingType(doc, snapshot.type!));
    doc.emit('error', missingType(doc, snapshot.type!));
    return callback();
  }
  // A creation of this tab is in flight. The host will place it in the history, or refuse it.
  if (doc.hasUnsent && rev === null && doc.version === null) {
    doc.once('no write pending', () => callback());
    return;
  }
  if (!doc.hasUnsent) load(doc, snapshot);
  // The ops were made on a state from which the host can't continue.
  else if (!continueFrom(doc, snapshot)) loseUnsent(doc);
  callback();
}

/** Sends the host the shown state, if it is an earlier host's, because the first op on it is about to be made and needs a revision. */
export function positionOnShown(doc: DocState): void {
  const {type, version: v, data} = doc;
  if (!type || v === null || doc.ingestedSnapshot || !doc.isAcknowledged) return;
  positionOn(doc, {...copyOf({v, type: type.uri!, data: type.serialize ? type.serialize(data) : data}), fromHost: true});
}

/** Starts an incarnation with a state from elsewhere. The host receives the state with the next request, before the ops made on it. */
export function positionOn(doc: DocState, snapshot: SnapshotData): void {
  const isAsked = doc.inflightFetch.length > 0 || !!doc.inflightSubscribe?.wantSubscribe;
  const isFollowed = doc.rev !== null && doc.wantSubscribe;
  // Requests in flight do not contain the state.
  doc.startAnew();
  doc.ingestedSnapshot = snapshot;
  // Documents of a bulk request make their own requests at its end.
  if ((isAsked || isFollowed) && doc.connection.canSend && !doc.connection.bulk) doc.askRevision();
}

/** A copy through JSON, because types change data in place. */
export function copyOf({v, type, data}: IngestibleSnapshot): SnapshotData {
  return JSON.parse(JSON.stringify({v, type, data})) as SnapshotData;
}
