/** The server's answer to an op. */
interface Outcome {
  seq: number;
}

/** A tab's ops after a host has lost a document's state and has another one. */
export interface OpsAfterReset<Op, Of> {
  /** Ops that are in the new state and still wait for the server's answer. */
  kept: Op[];
  /** All other ops, in order, with the server's answer if it has answered. */
  ended: {op: Op; outcome: Of | undefined}[];
  /** The ops that ended without an answer of the server. */
  lost: Op[];
}

/**
 * @param ops all ops of the tab that the server had not answered, in order
 * @param outcomes the answers of the server that the host knows
 * @param unsettled the numbers of ops that are in the new state
 */
export function afterReset<Op extends {seq?: number}, Of extends Outcome>(
  ops: readonly Op[], outcomes: readonly Of[], unsettled: readonly number[]
): OpsAfterReset<Op, Of> {
  const all = ops.map(op => ({op, outcome: outcomes.find(({seq}) => seq === op.seq)}));
  const isKept = ({op, outcome}: (typeof all)[number]): boolean => !outcome && unsettled.includes(op.seq!);
  const ended = all.filter(one => !isKept(one));
  return {kept: all.filter(isKept).map(({op}) => op), ended, lost: ended.filter(({outcome}) => !outcome).map(({op}) => op)};
}
