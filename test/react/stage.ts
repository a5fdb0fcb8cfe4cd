import './dom.js';
import {StrictMode, createElement, type ReactNode} from 'react';
import {createRoot, type Root} from 'react-dom/client';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {ConnectionProvider} from '../../lib/react.js';
import {systemClock} from '../../lib/platform/browser.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Clock} from '../../lib/platform/platform.js';
import {GRACE_MS} from '../../lib/react/connection-observers.js';
import {logger} from 'sharedb/lib/client/index.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** A server, a host, and tabs of it that render with React. */
export class ReactStage {
  readonly backend: Backend;
  readonly errors: unknown[] = [];
  private readonly host: Host;
  private readonly channel = memoryChannels();
  private readonly connections: ProxyConnection[] = [];
  private readonly roots: Root[] = [];
  private readonly graceTimers = new Set<() => void>();
  /** The test ends the grace period. */
  private readonly clock: Clock = {
    now: systemClock.now,
    after: (ms, callback) => {
      if (ms !== GRACE_MS) return systemClock.after(ms, callback);
      this.graceTimers.add(callback);
      return () => this.graceTimers.delete(callback);
    }
  };

  constructor() {
    this.backend = new Backend({presence: true, doNotForwardSendPresenceErrorsToClient: true});
    this.host = new Host({connection: this.backend.connect(), channel: this.channel, store: false});
  }

  connect(): ProxyConnection {
    const connection = new ProxyConnection({channel: this.channel, clock: this.clock, hostTimeout: 60_000});
    this.connections.push(connection);
    return connection;
  }

  /** Renders components of a tab in StrictMode. */
  render(connection: ProxyConnection, children: ReactNode): View {
    const container = document.createElement('div');
    document.body.append(container);
    const root = createRoot(container, {
      onUncaughtError: error => this.errors.push(error),
      onCaughtError: () => {}
    });
    this.roots.push(root);
    const show = (content: ReactNode): void => root.render(
      createElement(StrictMode, null, createElement(ConnectionProvider, {connection}, content))
    );
    show(children);
    return {
      get text() { return container.textContent ?? ''; },
      get button() { return container.querySelector('button')!; },
      show,
      unmount: () => root.unmount(),
      async shows(text) {
        await until(`it shows ${text}`, () => container.textContent === text)
          .catch((error: Error) => { throw new Error(`${error.message}; it shows ${container.textContent}`); });
      }
    };
  }

  /** Ends the grace periods, so that unused observers close. */
  endGracePeriods(): void {
    const timers = [...this.graceTimers];
    this.graceTimers.clear();
    for (const callback of timers) callback();
  }

  close(): void {
    for (const root of this.roots) root.unmount();
    for (const connection of this.connections) connection.close();
    this.host.close();
    this.backend.close();
  }
}

export interface View {
  readonly text: string;
  readonly button: HTMLButtonElement;
  show(children: ReactNode): void;
  unmount(): void;
  /** Waits until all its text is this. */
  shows(text: string): Promise<void>;
}
