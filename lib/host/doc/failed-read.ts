import type {Followers} from './followers.js';
import type {ServerFaults} from '../server/server-faults.js';
import type {Callback, RealDoc} from '../upstream.js';

/** Requests a document again that the server could not read, while a tab needs it. */
export class FailedRead {
  /** @param onAnswer called when the server has returned the document, or has refused it */
  constructor(
    private readonly doc: RealDoc,
    private readonly faults: Pick<ServerFaults, 'isTransient' | 'readAgain' | 'forgetRead'>,
    private readonly followers: Followers,
    private readonly onAnswer: (refusal: Error | undefined) => void
  ) {}

  /** Schedules a request after a temporary error of the server. */
  after(error: Error): void {
    this.faults.readAgain(this.doc, error, () => this.ask());
  }

  private ask(): void {
    const {doc, faults, followers} = this;
    const isSubscription = followers.areSubscribed && !doc.subscribed;
    if (!isSubscription && ![...followers].some(({awaitsServer}) => awaitsServer)) return faults.forgetRead(doc);
    const load = (callback: Callback): void => (isSubscription ? doc.subscribe(callback) : doc.fetch(callback));
    return load(error => {
      if (error && faults.isTransient(error)) return this.after(error);
      faults.forgetRead(doc);
      for (const follower of followers) follower.awaitsServer = false;
      return this.onAnswer(error ?? undefined);
    });
  }
}
