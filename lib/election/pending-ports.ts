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
 * Receives the tabs' greetings on ports in a worker, for one namespace. While the worker's host waits for the host lock,
 * greetings and the messages behind them wait in their ports. If there is no host, the tabs learn it and greet on the greeting
 * channel.
 */
export class PendingPorts {
  /** The last greeting of each tab. */
  private kept: Map<TabId, Greeting> | undefined;
  private admit: Admit = () => false;

  receive(hello: Hello, port: Channel): void {
    if (!this.kept) return this.answer({hello, port});
    this.kept.get(hello.tabId)?.port.close();
    this.kept.set(hello.tabId, {hello, port});
  }

  /** A host is about to request the host lock. */
  expect(): void {
    this.kept ??= new Map();
  }

  /** The tab has found another host, or given up. The messages that it sent here must not be handled. */
  withdraw(tabId: TabId): void {
    this.kept?.get(tabId)?.port.close();
    this.kept?.delete(tabId);
  }

  /** The host is open. */
  open(admit: Admit): void {
    this.admit = admit;
    this.answerAll();
  }

  /** There is no host here, or another one holds the host lock. */
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
    // Messages that were posted on the port still arrive.
    port.close();
  }
}
