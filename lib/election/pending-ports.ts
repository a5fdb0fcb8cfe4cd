import type {Channel} from '../platform/platform.js';
import type {Absent, Hello} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';

/** Who can answer a greeting. @returns whether the tab has been welcomed */
type Admit = (hello: Hello, port: Channel) => boolean;

interface Greeting {
  hello: Hello;
  port: Channel;
}

/**
 * Where a worker takes the tabs' greetings on ports, for one namespace. While its host tries to acquire the host lock it keeps them:
 * what a tab has said meanwhile waits in its port. Where there is no host, they are told so, and greet on the greeting channel.
 */
export class PendingPorts {
  /** Each tab's last one. */
  private kept: Map<TabId, Greeting> | undefined;
  private admit: Admit = () => false;

  receive(hello: Hello, port: Channel): void {
    if (!this.kept) return this.answer({hello, port});
    this.kept.get(hello.tabId)?.port.close();
    this.kept.set(hello.tabId, {hello, port});
  }

  /** A host is about to try to acquire the host lock. */
  expect(): void {
    this.kept ??= new Map();
  }

  /** The tab has found another host, or given up: what it has said here is not to be done. */
  withdraw(tabId: TabId): void {
    this.kept?.get(tabId)?.port.close();
    this.kept?.delete(tabId);
  }

  /** It is there. */
  open(admit: Admit): void {
    this.admit = admit;
    this.answerAll();
  }

  /** There is none, or another one holds the host lock. */
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
    // What has been posted still arrives.
    port.close();
  }
}
