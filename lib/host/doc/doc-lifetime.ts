import type {RealDoc} from '../upstream.js';
import type {DeferredActions} from './deferred-actions.js';
import type {Followers} from './followers.js';

export interface DocLifetimeOwner {
  readonly doc: RealDoc;
  readonly followers: Followers;
  readonly deferred: DeferredActions;
  /** Returns whether the document is being read from the store. */
  isRestoring(): boolean;
  /** Returns the number of tabs' ops that the server has not answered. */
  pendingOps(): number;
  /** No tab follows the document, and it has nothing to send. */
  onIdle(): void;
}

/** Releases a document's subscription at the server, and then the document, when nothing needs them any more. */
export class DocLifetime {
  /** The number of `retain` calls without a `release`. */
  private retained = 0;
  private awaitsQuiet = false;

  constructor(private readonly owner: DocLifetimeOwner) {}

  /** Keeps the document open until `release` was called as often. */
  retain(): void {
    this.retained++;
  }

  release(): void {
    this.retained--;
    this.checkIdle();
  }

  checkIdle(): void {
    const {doc, followers, deferred} = this.owner;
    if (this.owner.isRestoring() || !deferred.isEmpty || this.retained) return;
    if (followers.size || this.owner.pendingOps() || this.willFollow) return;
    if (doc.hasPending()) return this.awaitQuiet();
    this.owner.onIdle();
  }

  /** Checks again when no op and no request of the document is pending. */
  private awaitQuiet(): void {
    if (this.awaitsQuiet) return;
    this.awaitsQuiet = true;
    this.owner.doc.once('nothing pending', () => {
      this.awaitsQuiet = false;
      this.checkIdle();
    });
  }

  /** Whether the document will be subscribed after all requests in flight. */
  private get willFollow(): boolean {
    const {pendingSubscribe, inflightSubscribe, wantSubscribe} = this.owner.doc;
    return (pendingSubscribe.at(-1) ?? inflightSubscribe ?? {wantSubscribe}).wantSubscribe;
  }

  /** Whether the subscription at the server can end. */
  get canRelease(): boolean {
    const {doc, followers} = this.owner;
    // Without a connection there is no subscription, and upstream fails if it reconnects before an unsubscribe is answered.
    return this.willFollow && !followers.areSubscribed && doc.connection.state === 'connected';
  }

  /** Ends the subscription at the server if no tab is subscribed any more. */
  releaseSubscription(): void {
    if (this.canRelease) this.owner.doc.unsubscribe(() => this.checkIdle());
  }
}
