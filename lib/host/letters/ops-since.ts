import {stepOf} from '../../ot/step.js';
import type {Step} from '../../ot/history-entry.js';
import type {RealDoc, RealOp} from '../upstream.js';

/** An op with its identity at the server. */
export interface ServerStep {
  step: Step;
  src: string | undefined;
  seq: number | undefined;
}

type OpMessage = RealOp & {a: string; c: string; d: string; v?: number; error?: unknown};

/**
 * Asks the server for the ops from version `v` to the document's version. The document ignores ops that it already has, so they are
 * read from the connection's messages.
 * @returns undefined if the server does not return all of them
 */
export async function opsSince(doc: RealDoc, v: number): Promise<ServerStep[] | undefined> {
  const {connection, collection, id} = doc;
  const found = new Map<number, ServerStep>();
  const receive = ({data}: {data: OpMessage | null}): void => {
    if (data?.a !== 'op' || data.c !== collection || data.d !== id || data.error || typeof data.v !== 'number' || data.v < v) return;
    const {src, seq} = data;
    const {inflightOp} = doc;
    // An acknowledgement does not contain the op.
    const isBare = !('op' in data) && !data.create && !data.del;
    const op = isBare && inflightOp && src === inflightOp.src && seq === inflightOp.seq ? inflightOp : data;
    // The op is copied, because it may be transformed and may become a part of the data.
    if (!isBare || op !== data || !found.has(data.v)) found.set(data.v, JSON.parse(JSON.stringify({step: stepOf(op), src, seq})) as ServerStep);
  };
  connection.on('receive', receive);
  try {
    await new Promise<void>(resolve => askFrom(doc, v, () => resolve()));
  } finally {
    connection.off('receive', receive);
  }
  const {version} = doc;
  if (version === null) return undefined;
  const ops: ServerStep[] = [];
  for (let at = v; at < version; at++) {
    const op = found.get(at);
    if (!op) return undefined;
    ops.push(op);
  }
  return ops;
}

/** Fetches the ops since `v`. Upstream requests the ops since the document's version, so the version is changed for the call. */
function askFrom(doc: RealDoc, v: number, callback: () => void): void {
  const {connection, version} = doc;
  const {bulk} = connection;
  connection.bulk = null;
  doc.version = v;
  try {
    doc._fetch({force: true}, callback);
  } finally {
    doc.version = version;
    connection.bulk = bulk;
  }
}
