import type {WaitFor} from '../../platform/in-order.js';
import type {Tab} from '../tab.js';
import type {SharedDoc} from './shared-doc.js';

/** The documents of a host that are in a rollback. */
export class DocsInRollback {
  private readonly docs = new Set<SharedDoc>();

  add(doc: SharedDoc): void {
    this.docs.add(doc);
  }

  /** Returns, for each of these documents that the tab follows, a function that calls back after the tab's reset is sent. */
  endsFor(tab: Tab): WaitFor[] {
    const ends: WaitFor[] = [];
    for (const doc of this.docs) {
      if (!doc.isRollingBack) this.docs.delete(doc);
      else if (doc.isFollowedBy(tab)) ends.push(done => doc.whenSettled(done));
    }
    return ends;
  }
}
