import {invertOn} from './invert.js';
import type {RealDoc, RealOp} from './upstream.js';

/** How often the base is asked for anew because the server's ops overtook it. */
const MAX_TRIES = 5;

/**
 * Upstream takes back a rejected op alone where its type can invert an op by itself, and otherwise
 * discards all pending ops. With many tabs behind one document that would cost tabs their ops that did
 * nothing wrong. Here the server is asked for the snapshot that the rejected op was made on, which is
 * the one round trip that upstream's way costs too, and the op is inverted against that.
 * @param isShared whether others than the op's tab would lose by upstream's way
 */
export function rollBackSoftly(doc: RealDoc, isShared: (owner: string | undefined) => boolean): void {
  const upstream = doc._rollback;
  doc._rollback = function(error: Error): void {
    const rejected = doc.inflightOp;
    if (!rejected || !('op' in rejected) || !rejected.type || rejected.type.invert || !isShared(rejected.owner)) {
      return upstream.call(doc, error);
    }
    retry(MAX_TRIES);

    function retry(tries: number): void {
      const {version} = doc;
      if (version === null || !tries) return upstream.call(doc, error);
      doc.connection.fetchSnapshot(doc.collection, doc.id, version, (fetchError, snapshot) => {
        // Sent again after a reconnect: it will be rejected, and this begin, once more.
        if (doc.inflightOp !== rejected) return;
        if (doc.version !== version) return retry(tries - 1);
        const inverse = fetchError ? undefined : inverseOf(rejected!, snapshot.data);
        if (inverse !== undefined) rejected!.type = withInverse(rejected!.type!, inverse);
        upstream.call(doc, error);
      });
    }
  };
}

function inverseOf(rejected: RealOp, data: unknown): unknown {
  const type = rejected.type!;
  try {
    return invertOn(type, rejected.op, type.deserialize ? type.deserialize(data) : data);
  } catch {
    // A type that can't: upstream's way is left.
    return undefined;
  }
}

/** The type as it is, but that it knows the inverse of this one op. */
function withInverse(type: NonNullable<RealOp['type']>, inverse: unknown): NonNullable<RealOp['type']> {
  return Object.create(type, {invert: {value: () => inverse}}) as typeof type;
}
