import {fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

/** The traffic of the sockets of one path so far: bytes of TCP, including frame headers. */
export interface Traffic {
  open: number;
  received: number;
  sent: number;
}

export type Command =
  | {do: 'url'} | {do: 'start'} | {do: 'stop'} | {do: 'cpu'}
  | {do: 'delay'; ms: number}
  | {do: 'traffic'; path: string};

export interface Answer {
  n: number;
  value?: unknown;
  error?: string;
}

export interface BenchServer {
  /** `ws://…`, without a path. Each path is counted separately. */
  readonly url: string;
  /** Closes every socket and stops listening; the documents are kept. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Sets the delay of every frame from now on, in each direction. */
  delay(ms: number): Promise<void>;
  traffic(path: string): Promise<Traffic>;
  /** The CPU time that the server has used, in ms. */
  cpu(): Promise<number>;
  close(): Promise<void>;
}

/** Starts a ShareDB server with its documents in memory, in a process of its own. */
export async function startBenchServer(): Promise<BenchServer> {
  const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), {execArgv: ['--import', 'tsx']});
  const exited = once(child, 'exit');
  const open = new Map<number, {resolve(value: unknown): void; reject(error: Error): void}>();
  let last = 0;
  child.on('message', ({n, value, error}: Answer) => {
    const call = open.get(n);
    open.delete(n);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  child.once('exit', () => {
    for (const {reject} of open.values()) reject(new Error('the server has ended'));
  });
  const call = <T>(command: Command): Promise<T> => new Promise<T>((resolve, reject) => {
    open.set(++last, {resolve: resolve as (value: unknown) => void, reject});
    child.send({n: last, command});
  });
  return {
    url: await call<string>({do: 'url'}),
    stop: () => call({do: 'stop'}),
    start: () => call({do: 'start'}),
    delay: ms => call({do: 'delay', ms}),
    traffic: path => call({do: 'traffic', path}),
    cpu: () => call({do: 'cpu'}),
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    }
  };
}
