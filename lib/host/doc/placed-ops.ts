import type {Origins} from '../../ot/history-entry.js';
import {identityName} from '../../ot/rebase.js';
import type {RealOp} from '../upstream.js';
import type {PlacedOp} from './doc-journal.js';
import {originsOf} from './real-ops.js';

/** The number of ops that are noted. While data can't be read, tabs send few ops again, but may make many new ones. */
const MAX_OPS = 1024;

/**
 * The tabs' ops that a document's history contains, and those that the host has refused. They are noted while the storage may have other data
 * of the document, which could not be read. These data may contain the same ops, with other identities.
 */
export class PlacedOps {
  private known: PlacedOp[] = [];
  private readonly ops = new Set<RealOp>();
  private count = 0;
  private hasOverflowed = false;

  /** Whether all ops are known. */
  get isComplete(): boolean {
    return !this.hasOverflowed;
  }

  /** Notes the pending op that an op of a tab was added to. */
  note(op: RealOp): void {
    if (this.hasOverflowed) return;
    this.ops.add(op);
    if (++this.count > MAX_OPS) this.overflow();
  }

  /** Notes an op that its tab gives up, because the host has refused it. No op of the server has its identity. */
  noteRefused(owner: string, seq: number): void {
    if (this.hasOverflowed) return;
    this.known.push([owner, seq, '', 0]);
    if (++this.count > MAX_OPS) this.overflow();
  }

  /** Returns the tabs' ops by the identity of the server's op that contains them: see {@link identityName}. */
  byIdentity(): Map<string, Origins> {
    const found = new Map<string, [owner: string, seq: number][]>();
    for (const [owner, seq, src, serverSeq] of this.list()) {
      const name = identityName([src, serverSeq]);
      found.set(name, [...found.get(name) ?? [], [owner, seq]]);
    }
    return found;
  }

  /** The stored form; null if not all ops are known. Ops without an identity are pending, and so are stored as such. */
  save(): readonly PlacedOp[] | null {
    return this.hasOverflowed ? null : this.list();
  }

  restore(placed: readonly PlacedOp[] | null = []): void {
    if (!placed) return this.overflow();
    this.known.push(...placed);
    this.count += placed.length;
  }

  clear(): void {
    this.known = [];
    this.ops.clear();
    this.count = 0;
    this.hasOverflowed = false;
  }

  private list(): PlacedOp[] {
    const placed = [...this.ops].flatMap(op => (op.src === undefined || op.seq === undefined ? [] :
      originsOf(op).map(([owner, seq]): PlacedOp => [owner, seq, op.src!, op.seq!])));
    return [...this.known, ...placed];
  }

  private overflow(): void {
    this.clear();
    this.hasOverflowed = true;
  }
}
