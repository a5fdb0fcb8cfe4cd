import {fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

/** What went through the sockets of one path so far: bytes of TCP, with the frames' heads. */
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
  /** `ws://…`, without a path. Each path is counted for itself. */
  readonly url: string;
  /** Cuts every socket and stops to listen; the documents stay. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** How long every frame is under way from now on, in each direction; the server's own sockets are no exception. */
  delay(ms: number): Promise<void>;
  traffic(path: string): Promise<Traffic>;
  /** ms of CPU that the server has used. */
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
