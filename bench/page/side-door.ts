/** The requests of a page to a worker, outside of the library's channels. */
export type Question =
  | {ask: 'echo'; n: number}
  | {ask: 'put'; n: number; record: string}
  | {ask: 'counts'; n: number};

export interface Answer {
  n: number;
  value?: unknown;
}

const nameOf = (worker: string): string => `bench: ${worker}`;

/** In a worker: answers each question with one BroadcastChannel message. */
export function answerQuestions(worker: string, answer: (question: Question) => unknown): void {
  const channel = new BroadcastChannel(nameOf(worker));
  channel.onmessage = async ({data}: MessageEvent<Question | Answer>) => {
    if (!('ask' in data)) return;
    channel.postMessage({n: data.n, value: await answer(data)} satisfies Answer);
  };
}

type WithoutNumber<T> = T extends unknown ? Omit<T, 'n'> : never;

export function questionsTo(worker: string): (question: WithoutNumber<Question>) => Promise<unknown> {
  const channel = new BroadcastChannel(nameOf(worker));
  const open = new Map<number, (value: unknown) => void>();
  let last = 0;
  channel.onmessage = ({data}: MessageEvent<Question | Answer>) => {
    if ('ask' in data) return;
    open.get(data.n)?.(data.value);
    open.delete(data.n);
  };
  return question => new Promise(resolve => {
    const n = ++last;
    open.set(n, resolve);
    channel.postMessage({...question, n});
  });
}
