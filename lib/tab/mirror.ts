import type {MirrorMessage, MirrorPosition} from '../protocol/mirror.js';
import {StoredContent} from '../protocol/stored.js';

/**
 * A tab's copy of the content that a host without a store would have stored. It applies the host's changes in order, so that the next host
 * can start from the copy. If a change is missing, the mirror requests the whole content again. Until the content arrives, it reports none,
 * because a host that starts from an earlier state would send ops again that the server has.
 */
export class Mirror {
  private content = new StoredContent();
  private position: MirrorPosition | undefined;
  /** The term of the current host. Messages of hosts with lower terms are dropped, because those hosts have been replaced. */
  private term = 0;
  private isJoining = false;

  /** @param id the id of this mirror in messages */
  constructor(private readonly id: string, private readonly post: (message: MirrorMessage) => void) {
    this.join();
  }

  receive(message: MirrorMessage): void {
    switch (message.type) {
      case 'ask':
        return this.post({type: 'have', host: message.host, mirror: this.id, ...(this.position && {place: this.position})});
      case 'send':
        if (message.mirror !== this.id || !this.position) return;
        return this.post({type: 'content', to: message.host, place: this.position, content: this.content.save()});
      case 'claim':
        return this.follow(message.term, message.from);
      case 'changes':
        return this.apply(message);
      case 'content':
        if (message.to !== this.id || message.place.term < this.term) return;
        this.isJoining = false;
        this.term = message.place.term;
        this.position = message.place;
        this.content = new StoredContent(message.content);
        return;
      case 'clear':
        if (message.term >= this.term) this.forget();
        return;
      case 'have':
      case 'join':
      case 'full':
      case 'leave':
        return;
      default:
        message satisfies never;
    }
  }

  private follow(term: number, from: MirrorPosition | undefined): void {
    if (term <= this.term) return;
    this.term = term;
    // The new host started from exactly this state.
    if (from && this.position?.term === from.term && this.position.n === from.n) this.position = {term, n: 0};
    else this.join();
  }

  private apply({place, changes}: MirrorMessage & {type: 'changes'}): void {
    if (place.term < this.term || this.isJoining) return;
    if (place.term !== this.position?.term || place.n !== this.position.n + 1) return this.join();
    for (const change of changes) this.content.make(change);
    this.position = place;
  }

  private join(): void {
    this.forget();
    this.isJoining = true;
    this.post({type: 'join', mirror: this.id});
  }

  private forget(): void {
    this.position = undefined;
    this.content.clear();
  }
}
