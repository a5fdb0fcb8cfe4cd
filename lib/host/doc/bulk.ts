import {runAll} from '../../platform/run-all.js';
import type {Tab} from '../tab.js';
import type {RealConnection} from '../upstream.js';

/** Runs actions for many documents with one request to the server and one message to each tab. */
export class Bulk {
  private waiting: (() => void)[] = [];

  constructor(private readonly connection: RealConnection, private readonly tabs: () => Iterable<Tab>) {
    const {_handleBulkMessage: upstream} = connection;
    // The server's answer for many documents also becomes one message to each tab.
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

  /** Runs the actions of a turn together, in a microtask. Documents that were read together have a promise each, which settle in one turn. */
  runTogether(act: () => void): void {
    if (this.waiting.push(act) > 1) return;
    queueMicrotask(() => this.run(() => runAll(this.waiting.splice(0))));
  }
}
