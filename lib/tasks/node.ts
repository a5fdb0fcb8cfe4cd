/** The parts of Node that threads use, typed here: the library compiles without Node's types. */
export interface NodeWorker {
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
  on(event: 'message' | 'error' | 'exit', listener: (value: never) => void): void;
  terminate(): Promise<number>;
  ref(): void;
  unref(): void;
}

export interface NodePort {
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
  on(event: 'message', listener: (message: never) => void): void;
}

export interface WorkerThreads {
  Worker: new (script: string, options: {eval: boolean; resourceLimits?: object | undefined}) => NodeWorker;
  parentPort: NodePort | null;
  threadId: number;
}

interface NodeProcess {
  getBuiltinModule(name: string): unknown;
  cwd(): string;
  on(event: string, listener: (error: unknown) => void): void;
  memoryUsage(): {heapUsed: number};
}

export const nodeProcess = (globalThis as unknown as {process?: NodeProcess}).process;

/** Loads a built-in module of Node without an import, which bundlers for browsers would follow. */
export function builtin<Module>(name: string): Module {
  return nodeProcess!.getBuiltinModule(name) as Module;
}
