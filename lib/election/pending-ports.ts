import type {Channel} from '../platform/platform.js';
import type {Absent, Hello} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';

/** Answers a greeting. @returns whether the tab was welcomed */
type Admit = (hello: Hello, port: Channel) => boolean;

interface Greeting {
  hello: Hello;
  port: Channel;
}

/**
 * Receives the tabs' greetings on ports in a worker, for one namespace. While the worker's host requests the host lock, greetings
 * are kept, and the messages after them wait in their ports. If the worker has no host, it answers 'absent', and the tabs greet on
 * the greeting channel.
 */
export class PendingPorts {
  /** The last greeting of each tab; undefined while greetings are answered at once. */
  private kept: Map<TabId, Greeting> | undefined;
  private admit: Admit = () => false;

  receive(hello: Hello, port: Channel): void {
    if (!this.kept) return this.answer({hello, port});
    this.kept.get(hello.tabId)?.port.close();
    this.kept.set(hello.tabId, {hello, port});
  }

  /** Keeps greetings from now on, because a host is about to request the host lock. */
  expect(): void {
    this.kept ??= new Map();
  }

  /** Drops a tab's greeting. The tab uses another mode, so the messages that it has sent here must not be handled. */
  withdraw(tabId: TabId): void {
    this.kept?.get(tabId)?.port.close();
    this.kept?.delete(tabId);
  }

  /** Passes greetings to the host, which is open now. */
  open(admit: Admit): void {
    this.admit = admit;
    this.answerAll();
  }

  /** Rejects greetings: this worker has no host, or another host holds the host lock. */
  close(): void {
    this.admit = () => false;
    this.answerAll();
  }

  private answerAll(): void {
    const {kept} = this;
    this.kept = undefined;
    for (const greeting of kept?.values() ?? []) this.answer(greeting);
  }

  private answer({hello, port}: Greeting): void {
    if (this.admit(hello, port)) return;
    port.postMessage({type: 'absent', attempt: hello.attempt} satisfies Absent);
    // The answer still arrives after the port is closed.
    port.close();
  }
}
