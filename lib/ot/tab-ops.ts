/** An op of a tab. It gets its number when it is sent. */
interface NumberedOp {
  seq?: number;
}

/**
 * A tab's ops on one document, and the position of its data in the host's history: plain data. An op passes through `pendingOps`,
 * `inflightOp` and `unsettled`, in this order. The functions of this file are the transitions. A tab's document is such a value itself,
 * because ShareDB keeps three of the members in its `Doc`.
 */
export interface TabOps<Op extends NumberedOp = NumberedOp> {
  /** The revision of the host's history that the document shows; null if it shows none. */
  rev: number | null;
  /** The server's version that the document shows; null if it shows none. ShareDB's member. */
  version: number | null;
  /** The data may contain ops that the server has not acknowledged, beside this tab's unanswered ones: those of other tabs, or lost ops. */
  isMixed: boolean;
  /** The op that the host has not placed. ShareDB's member. */
  inflightOp: Op | null;
  /** The ops behind it. ShareDB's member. */
  pendingOps: Op[];
  /** The number of pending ops that were sent together with the op in flight. Valid while an op is in flight. */
  run: number;
  /** The last ops were made on a state that was too old for the host. The next op is sent alone. */
  isBehind: boolean;
  /** Ops that have their place in the history and wait for the server's answer. */
  unsettled: Op[];
  /** The ops of a document whose state the host has lost, until the host reports whether they are lost, too. */
  opsAwaitingReset: Op[] | undefined;
  /** The version that those ops were made on, if known. */
  awaitingResetFrom: number | undefined;
}

/** Ops that have left a document, and the version that the first of them was made on, if known. */
export interface TakenOps<Op> {
  ops: Op[];
  madeAt: number | undefined;
}

/** The ops that the host lacks, in order. */
export function unsentOf<Op extends NumberedOp>({inflightOp, pendingOps}: TabOps<Op>): Op[] {
  return inflightOp ? [inflightOp, ...pendingOps] : pendingOps;
}

/** The ops that the host lacks, and those that it has lost, in order. */
export function notAtHostOf<Op extends NumberedOp>(tab: TabOps<Op>): Op[] {
  return [...(tab.opsAwaitingReset ?? []), ...unsentOf(tab)];
}

/** The ops that the server has not answered, in order. */
export function unansweredOf<Op extends NumberedOp>(tab: TabOps<Op>): Op[] {
  return [...(tab.opsAwaitingReset ?? []), ...tab.unsettled, ...unsentOf(tab)];
}

/** The server's version that the first unanswered op was made on, if known. */
export function madeAtOf({opsAwaitingReset, awaitingResetFrom, isMixed, version}: TabOps): number | undefined {
  if (opsAwaitingReset) return awaitingResetFrom;
  return isMixed ? undefined : version ?? undefined;
}

/** @returns the ops that are sent together with the op in flight, at most `atMost` */
export function takeRun<Op extends NumberedOp>(tab: TabOps<Op>, atMost: number): Op[] {
  const ops = tab.isBehind ? [] : tab.pendingOps.slice(0, atMost);
  tab.run = ops.length;
  return ops;
}

/** The document shows the next step of the history, which another tab or the server has made. `version` is still the one before it. */
export function advance(tab: TabOps, {rev, v, clean}: {rev: number; v: number | null; clean?: boolean}): void {
  tab.rev = rev;
  // An op of a tab does not change the version.
  tab.isMixed = !clean && (tab.isMixed || v === tab.version);
}

/**
 * The host has placed this tab's op in the history.
 * @returns the op; undefined if it is not the next op that the host lacks
 */
export function place<Op extends NumberedOp>(tab: TabOps<Op>, {rev, v, seq}: {rev: number; v: number | null; seq: number}): Op | undefined {
  tab.rev = rev;
  const {inflightOp, pendingOps} = tab;
  // After a lost connection, ShareDB has moved the op back to the pending ops.
  const op = inflightOp?.seq === seq ? inflightOp : pendingOps[0]?.seq === seq ? pendingOps.shift() : undefined;
  if (!op) return undefined;
  tab.isBehind = false;
  if (op === inflightOp) tab.inflightOp = tab.run-- > 0 ? pendingOps.shift()! : null;
  tab.version = v;
  tab.unsettled.push(op);
  return op;
}

/**
 * The op in flight was made on a state from which the host no longer continues. It is sent again, alone.
 * @returns whether it is the op with this number
 */
export function takeBack(tab: TabOps, seq: number): boolean {
  const {inflightOp} = tab;
  if (inflightOp?.seq !== seq) return false;
  tab.isBehind = true;
  tab.pendingOps.unshift(inflightOp);
  tab.inflightOp = null;
  return true;
}

/** The server has answered these ops. It answers in order, except for ops without effect. @returns those that waited for the answer */
export function settle<Op extends NumberedOp>(tab: TabOps<Op>, seqs: ReadonlySet<number>): Set<Op> {
  const ops = new Set<Op>();
  while (seqs.has(tab.unsettled[0]?.seq as number)) ops.add(tab.unsettled.shift()!);
  if (ops.size < seqs.size) {
    for (const op of tab.unsettled) if (seqs.has(op.seq!)) ops.add(op);
    tab.unsettled = tab.unsettled.filter(op => !ops.has(op));
  }
  return ops;
}

/** Takes all ops out of the document. The caller decides their outcome. */
export function takeAll<Op extends NumberedOp>(tab: TabOps<Op>): TakenOps<Op> {
  const taken = {ops: unansweredOf(tab), madeAt: madeAtOf(tab)};
  tab.opsAwaitingReset = undefined;
  tab.unsettled = [];
  tab.inflightOp = null;
  tab.pendingOps = [];
  return taken;
}

/** The host has lost the document's state. The ops wait until it has another one. */
export function rollBack(tab: TabOps): void {
  const {ops, madeAt} = takeAll(tab);
  Object.assign(tab, {version: null, rev: null, opsAwaitingReset: ops, awaitingResetFrom: madeAt} satisfies Partial<TabOps>);
}

/** The ops begin with a creation, and are sent to a host that has no state of the document. */
export function sendAllAgain(tab: TabOps): void {
  tab.pendingOps = unansweredOf(tab);
  tab.unsettled = [];
  tab.inflightOp = null;
  tab.version = null;
}

/** The next host knows the history up to a revision, and not the tab's ops in `again`: they are sent once more. */
export function returnTo<Op extends NumberedOp>(tab: TabOps<Op>, rev: number, again: readonly Op[]): void {
  tab.unsettled = tab.unsettled.filter(op => !again.includes(op));
  tab.pendingOps.unshift(...again);
  tab.rev = rev;
}
