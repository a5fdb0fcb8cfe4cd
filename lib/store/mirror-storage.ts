import {nextTick} from '../platform/next-tick.js';
import type {Channel, Platform} from '../platform/platform.js';
import type {Epoch} from '../protocol/ids.js';
import {parseMirrorMessage, type MirrorMessage, type MirrorPosition} from '../protocol/mirror.js';
import {StoredContent} from '../protocol/stored.js';
import {mirrorName} from '../protocol/version.js';
import {InMemoryStorage} from './memory-storage.js';
import {MirrorSearch} from './mirror-search.js';
import {FencedError, type Change, type Storage} from './storage.js';

/**
 * The most characters of documents, in the host and in each mirror. A document that would exceed the limit is left out until a checkpoint
 * of it fits. When the host ends, the tabs' ops on such a document become dead letters.
 */
const MAX_CHARS = 32 * 1024 * 1024;
/** The largest number of mirrors that the host admits if there are no locks. With locks, there are only as many mirrors as locks. */
const MAX_MIRRORS = 2;

/**
 * A storage in the memory of the host and of up to two tabs, the mirrors, for hosts without a disk. Each group of changes is posted before
 * it counts as written. A new host starts from the content of a mirror.
 *
 * Changes that no mirror has received when the host ends are lost. Mirrors do not acknowledge changes, because each edit would need a round
 * trip. Browsers deliver posted messages even if the sender has ended since. A replaced host is fenced by a message and not by a
 * transaction: when it runs again, it receives this message in the order of posting.
 *
 * Without Web Locks, the host admits the first two tabs that ask. A mirror that ends without a message is not replaced until a new host
 * starts.
 */
export class MirrorStorage extends InMemoryStorage {
  onLost: Storage['onLost'];
  private channel: Channel | undefined;
  private namespace = '';
  private search: MirrorSearch | undefined;
  private position: MirrorPosition = {term: 0, n: 0};
  private hasClaimed = false;
  private isFenced = false;
  /** Whether there may be a mirror, so that changes are posted. */
  private isFollowed = false;
  /** The highest term that another host has announced. */
  private lastTerm = 0;
  private readonly mirrors = new Set<string>();
  private readonly leftOut = new Set<string>();

  constructor(private readonly platform: Pick<Platform, 'channel' | 'locks' | 'clock'>, private readonly maxChars = MAX_CHARS) {
    super();
  }

  override async open(namespace: string): Promise<void> {
    await super.open(namespace);
    this.namespace = namespace;
    if (this.channel) return;
    this.channel = this.platform.channel(mirrorName(namespace));
    this.channel.onmessage = event => this.receive(parseMirrorMessage(event.data));
    this.channel.unref?.();
  }

  /** Starts from the content of the best mirror of an earlier host. From now on, the mirrors ignore that host. */
  override async claim(epoch: string): Promise<Record<string, string>> {
    this.search = new MirrorSearch(this.platform, this.namespace, epoch as Epoch, message => this.post(message));
    const found = await this.search.find();
    this.search = undefined;
    if (found) {
      this.content = new StoredContent(found.content);
      this.mirrors.add(found.mirror);
    }
    this.position = {term: Math.max(this.platform.clock.now(), this.lastTerm + 1, (found?.place.term ?? 0) + 1), n: 0};
    this.hasClaimed = true;
    this.isFollowed = !!found;
    this.post({type: 'claim', term: this.position.term, ...(found && {from: found.place})});
    return super.claim(epoch);
  }

  override async write(changes: readonly Change[], epoch: string): Promise<void> {
    if (this.isFenced) throw new FencedError();
    this.expectClaim(epoch);
    const made = changes.map(change => this.make(change)).filter(change => !!change);
    if (!made.length || !this.isFollowed) return;
    this.position = {...this.position, n: this.position.n + 1};
    this.post({type: 'changes', place: this.position, changes: made});
  }

  override async clear(): Promise<void> {
    await super.clear();
    this.post({type: 'clear', term: this.position.term});
    this.close();
  }

  override close(): void {
    const {channel} = this;
    this.channel = undefined;
    // In Node, a posted message is lost if its channel closes in the same turn.
    if (channel) nextTick(() => channel.close());
  }

  /** @returns the change that was made: a removal if the document does not fit; undefined if the document is left out */
  private make(change: Change): Change | undefined {
    const made = this.fitting(change);
    if (made) this.content.make(made);
    return made;
  }

  private fitting(change: Change): Change | undefined {
    if (change.type === 'meta') return change;
    const {content, leftOut} = this;
    const name = JSON.stringify(change.key);
    if (change.type === 'append' && leftOut.has(name)) return undefined;
    const added = change.type === 'append' ? change.record.length
      : change.type === 'checkpoint' ? change.checkpoint.length - content.charsOf(change.key) : 0;
    if (added > 0 && content.chars + added > this.maxChars) {
      leftOut.add(name);
      return {type: 'remove', key: change.key};
    }
    leftOut.delete(name);
    return change;
  }

  private receive(message: MirrorMessage | undefined): void {
    if (!message || !this.channel) return;
    if (message.type === 'claim') this.lastTerm = Math.max(this.lastTerm, message.term);
    this.search?.receive(message);
    if (!this.hasClaimed) return;
    if (message.type === 'claim' && message.term > this.position.term) this.fence();
    else if (message.type === 'join' && !this.isFenced) this.admit(message.mirror);
    else if (message.type === 'leave') this.mirrors.delete(message.mirror);
  }

  private fence(): void {
    this.isFenced = true;
    this.onLost?.('Another host has taken over');
  }

  private admit(mirror: string): void {
    const isFull = !this.platform.locks && this.mirrors.size >= MAX_MIRRORS && !this.mirrors.has(mirror);
    if (isFull) return this.post({type: 'full', mirror});
    this.mirrors.add(mirror);
    this.isFollowed = true;
    this.post({type: 'content', to: mirror, place: this.position, content: this.content.save()});
  }

  private post(message: MirrorMessage): void {
    this.channel?.postMessage(message);
  }
}
