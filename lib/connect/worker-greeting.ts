/** What a tab tells the worker that it has just created or joined, on the worker's port. */
export interface WorkerGreeting {
  type: 'sharedb-tabs';
  namespace: string;
  /** The server's absolute URL, where the tab knows it. */
  url: string | undefined;
  /** The tab's option `store`. */
  store: {durability?: 'relaxed' | 'strict' | undefined} | false | undefined;
}

export function parseWorkerGreeting(data: unknown): WorkerGreeting | undefined {
  const greeting = data as WorkerGreeting | null;
  const ok = !!greeting && typeof greeting === 'object' && greeting.type === 'sharedb-tabs' &&
    typeof greeting.namespace === 'string' && (greeting.url === undefined || typeof greeting.url === 'string');
  return ok ? greeting : undefined;
}
