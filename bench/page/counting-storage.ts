import {type Change, IndexedDbStorage} from '../../lib/worker.js';

/** The writes for one document, with lengths in characters. */
export interface Written {
  appends: number;
  appended: number;
  checkpoints: number;
  checkpointed: number;
}

export interface Counts {
  /** By document. */
  written: Record<string, Written>;
  /** The duration of each commit, in ms. */
  commits: number[];
}

/** The library's storage, with counts of its writes. */
export class CountingStorage extends IndexedDbStorage {
  readonly counts: Counts = {written: {}, commits: []};

  override async write(changes: readonly Change[], epoch: string): Promise<void> {
    for (const change of changes) this.count(change);
    const start = performance.now();
    await super.write(changes, epoch);
    this.counts.commits.push(performance.now() - start);
  }

  private count(change: Change): void {
    if (change.type !== 'append' && change.type !== 'checkpoint') return;
    const written = (this.counts.written[change.key[1]] ??= {appends: 0, appended: 0, checkpoints: 0, checkpointed: 0});
    if (change.type === 'append') {
      written.appends++;
      written.appended += change.record.length;
    } else {
      written.checkpoints++;
      written.checkpointed += change.checkpoint.length;
    }
  }
}
