import {isSame, makeStep, undoStep, type ArrayStep, type Change, type Origin} from './changes.js';

/** If more steps of an array are waiting, one step `reset` replaces them. */
const MAX_STEPS = 256;

/** Changes that nobody has taken yet. They are merged, so that their number stays limited. */
export interface Folded<E> {
  add(changes: Change[]): void;
  /** Removes and returns the next event; undefined if none waits. */
  take(): E | undefined;
}

/** Merged changes per key: the first old value and the last new value. */
export class FoldedKeys<E> implements Folded<E> {
  private readonly waiting = new Map<string, {old: unknown; new: unknown; origin: Origin}>();

  /** @param isWanted whether a key is watched, and whether this tab's own changes are */
  constructor(
    private readonly isWanted: (key: string, isLocal: boolean) => boolean,
    private readonly eventOf: (key: string, old: unknown, value: unknown, origin: Partial<Origin>) => E
  ) {}

  add(changes: Change[]): void {
    for (const change of changes) {
      if (change.type !== 'keys') continue;
      const {origin} = change;
      for (const [key, {old, new: value}] of change.keys) {
        if (!this.isWanted(key, origin.isLocal)) continue;
        const first = this.waiting.get(key);
        if (first && isSame(first.old, value)) this.waiting.delete(key);
        else this.waiting.set(key, {old: first ? first.old : old, new: value, origin});
      }
    }
  }

  /** Adds the value at the beginning. */
  begin(key: string, value: unknown, origin: Origin): void {
    this.waiting.set(key, {old: undefined, new: value, origin});
  }

  take(): E | undefined {
    for (const [key, {old, new: value, origin}] of this.waiting) {
      this.waiting.delete(key);
      return this.eventOf(key, old, value, origin);
    }
    return undefined;
  }
}

/** Changes of an array: the steps in order or, if there are too many, one new state. */
export class FoldedSteps<E> implements Folded<E> {
  /** With `remoteOnly`, this tab's own steps are kept between others, whose indexes and states depend on them. */
  private waiting: {step: ArrayStep; origin: Origin}[] = [];

  /** @param current the array after all steps that were added */
  constructor(
    private readonly remoteOnly: boolean,
    private readonly current: () => unknown[],
    private readonly eventOf: (step: ArrayStep, origin: Origin) => E
  ) {}

  add(changes: Change[]): void {
    for (const change of changes) {
      if (change.type !== 'array') continue;
      for (const step of change.steps) this.addStep(step, change.origin);
    }
    if (this.waiting.length > MAX_STEPS) this.shorten();
  }

  begin(origin: Origin): void {
    this.waiting.push({step: {type: 'reset', oldValue: [], newValue: [...this.current()]}, origin});
  }

  private addStep(step: ArrayStep, origin: Origin): void {
    const last = this.waiting.at(-1);
    const isHidden = this.isHidden(origin);
    if (!last && isHidden) return;
    if (last?.step.type !== 'reset') return void this.waiting.push({step, origin});
    makeStep(last.step.newValue, step);
    if (!isHidden) last.origin = origin;
  }

  private shorten(): void {
    const {origin} = this.waiting.findLast(one => !this.isHidden(one.origin))!;
    const newValue = [...this.current()];
    const oldValue = [...newValue];
    for (const {step} of [...this.waiting].reverse()) undoStep(oldValue, step);
    this.waiting = [{step: {type: 'reset', oldValue, newValue}, origin}];
  }

  take(): E | undefined {
    const {waiting} = this;
    const next = waiting.shift();
    while (waiting.length && this.isHidden(waiting[0]!.origin)) waiting.shift();
    return next && this.eventOf(next.step, next.origin);
  }

  private isHidden({isLocal}: Origin): boolean {
    return this.remoteOnly && isLocal;
  }
}

/** An async iterator over the changes of a collection, from the call that created it. */
export class Watcher<E> implements AsyncIterableIterator<E> {
  private asking: {resolve(result: IteratorResult<E>): void; reject(reason: unknown): void}[] = [];
  private isOver = false;
  private failure: {reason: unknown} | undefined;
  private stop: () => void = () => {};

  constructor(private readonly folded: Folded<E>, private readonly signal: AbortSignal | undefined) {}

  /** @param stop removes the listener */
  begin(stop: () => void): this {
    const {signal} = this;
    const fail = (): void => this.fail(signal!.reason);
    signal?.addEventListener('abort', fail);
    this.stop = () => {
      signal?.removeEventListener('abort', fail);
      stop();
    };
    if (signal?.aborted) fail();
    return this;
  }

  onChanges(changes: Change[]): void {
    this.folded.add(changes);
    this.answer();
  }

  /** The collection has ended. Waiting events are still delivered. */
  onEnd(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stop();
    this.answer();
  }

  private fail(reason: unknown): void {
    if (this.isOver) return;
    this.failure = {reason};
    this.drop();
    this.onEnd();
  }

  next(): Promise<IteratorResult<E>> {
    return new Promise((resolve, reject) => {
      this.asking.push({resolve, reject});
      this.answer();
    });
  }

  return(): Promise<IteratorResult<E>> {
    this.drop();
    this.onEnd();
    return Promise.resolve({done: true, value: undefined});
  }

  /** Discards waiting events. */
  private drop(): void {
    while (this.folded.take() !== undefined);
  }

  private answer(): void {
    while (this.asking.length) {
      const {failure} = this;
      const value = failure ? undefined : this.folded.take();
      if (value === undefined && !this.isOver) return;
      const {resolve, reject} = this.asking.shift()!;
      if (value !== undefined) resolve({done: false, value});
      else if (failure) {
        this.failure = undefined;
        reject(failure.reason);
      } else resolve({done: true, value: undefined});
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
