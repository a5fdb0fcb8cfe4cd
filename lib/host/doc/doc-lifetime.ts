import type {RealDoc} from '../upstream.js';
import type {DeferredActions} from './deferred-actions.js';
import type {Followers} from './followers.js';

export interface DocLifetimeOwner {
  readonly doc: RealDoc;
  readonly followers: Followers;
  readonly deferred: DeferredActions;
  /** The document is being read from the store. */
  isRestoring(): boolean;
  /** How many ops of tabs the server has not answered to. */
  pendingOps(): number;
  /** No tab follows the document, and it has nothing to send. */
  onIdle(): void;
}

/** Decides when nobody needs a document any more: its subscription at the server, and then the document itself. */
export class DocLifetime {
  /** How many actions for several documents hold on to this one. */
  private retained = 0;
  private awaitsQuiet = false;

  constructor(private readonly owner: DocLifetimeOwner) {}

  /** The document is kept until it is released as often. */
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

  /** Checks again when the server has answered all requests. */
  private awaitQuiet(): void {
    if (this.awaitsQuiet) return;
    this.awaitsQuiet = true;
    this.owner.doc.once('nothing pending', () => {
      this.awaitsQuiet = false;
      this.checkIdle();
    });
  }

  /** Whether the last request to the server was one to follow the document. */
  private get willFollow(): boolean {
    const {pendingSubscribe, inflightSubscribe, wantSubscribe} = this.owner.doc;
    return (pendingSubscribe.at(-1) ?? inflightSubscribe ?? {wantSubscribe}).wantSubscribe;
  }

  /** Whether the subscription at the server can end. */
  get canRelease(): boolean {
    const {doc, followers} = this.owner;
    // Without a server there is no subscription, and upstream fails if a reconnect overtakes an unsubscribe.
    return this.willFollow && !followers.areSubscribed && doc.connection.state === 'connected';
  }

  /** Ends the subscription at the server if no tab wants it any more. */
  releaseSubscription(): void {
    if (this.canRelease) this.owner.doc.unsubscribe(() => this.checkIdle());
  }
}
