import {runAll} from '../../platform/run-all.js';
import type {Tab} from '../tab.js';
import type {RealConnection} from '../upstream.js';

/** Does something for many documents at once: with one request to the server, and one message to each tab. */
export class Bulk {
  private waiting: (() => void)[] = [];

  constructor(private readonly connection: RealConnection, private readonly tabs: () => Iterable<Tab>) {
    const {_handleBulkMessage: upstream} = connection;
    // The server's answer for many documents is one to each tab, too.
    connection._handleBulkMessage = (...args) => this.forTabs(() => upstream.apply(connection, args));
  }

  run(act: () => void): void {
    this.connection.startBulk();
    try {
      this.forTabs(act);
    } finally {
      this.connection.endBulk();
    }
  }

  private forTabs(act: () => void): void {
    const tabs = [...this.tabs()];
    for (const tab of tabs) tab.startBulk();
    try {
      act();
    } finally {
      for (const tab of tabs) tab.endBulk();
    }
  }

  /** Documents that were read together arrive in the same turn, each with its own promise. */
  runTogether(act: () => void): void {
    if (this.waiting.push(act) > 1) return;
    queueMicrotask(() => this.run(() => runAll(this.waiting.splice(0))));
  }
}
