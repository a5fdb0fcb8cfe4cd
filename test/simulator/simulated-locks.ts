import type {Locks} from '../../lib/platform/platform.js';
import type {Agenda, Lane, Subject} from './agenda.js';

type Mode = 'exclusive' | 'shared';

interface Request {
  name: string;
  mode: Mode;
  subject: Subject;
  /** The messages to its process, in order. */
  news: Lane;
  callback: (lock: unknown) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** Web Locks (W3C), for processes that freeze, die and steal. */
export class SimulatedLocks {
  private held: Request[] = [];
  private queue: Request[] = [];

  constructor(private readonly agenda: Agenda) {}

  /** `navigator.locks` of one process. */
  of(subject: Subject): Locks {
    return {
      query: async () => ({held: this.held.map(({name}) => ({name}))}),
      request: (name, {mode = 'exclusive', ifAvailable, steal, signal}, callback) => new Promise((resolve, reject) => {
        // A dead process seems to run until the end of its turn.
        if (subject.state === 'dead') return;
        if (signal?.aborted) return reject(abortError());
        const news = this.agenda.lane(`a lock of ${subject.name}`, subject);
        const request: Request = {name, mode, subject, news, callback, resolve, reject};
        if (steal) this.rob(name);
        if (steal) return this.grant(request);
        if (ifAvailable && !this.isAvailable(request)) return request.news.add(() => this.run(request, null));
        this.queue.push(request);
        signal?.addEventListener('abort', () => {
          if (!this.queue.includes(request)) return;
          this.queue = this.queue.filter(other => other !== request);
          reject(abortError());
          this.grantNext();
        });
        this.grantNext();
      })
    };
  }

  /** A dead process does not wait any more. */
  forget(subject: Subject): void {
    this.queue = this.queue.filter(request => request.subject !== subject);
    this.grantNext();
  }

  /** Releases the locks of a dead process. Browsers differ in when they do it. */
  free(subject: Subject): void {
    this.held = this.held.filter(request => request.subject !== subject);
    this.grantNext();
  }

  /** The names of processes that hold locks or wait for them. */
  get inUse(): string[] {
    return [...this.held, ...this.queue].map(({subject}) => subject.name);
  }

  private isAvailable(request: Request): boolean {
    const place = this.queue.indexOf(request);
    const earlier = place < 0 ? this.queue : this.queue.slice(0, place);
    return ![...this.held, ...earlier].some(other =>
      other.name === request.name && (other.mode === 'exclusive' || request.mode === 'exclusive'));
  }

  private grantNext(): void {
    for (const request of [...this.queue]) {
      if (!this.isAvailable(request)) continue;
      this.queue = this.queue.filter(other => other !== request);
      this.grant(request);
    }
  }

  private grant(request: Request): void {
    this.held.push(request);
    request.news.add(() => this.run(request, {name: request.name, mode: request.mode}));
  }

  private run(request: Request, lock: unknown): void {
    const end = (settle: () => void): void => {
      // A frozen or dead process releases no lock. A process whose lock was stolen has none.
      if (lock && !this.held.includes(request)) return;
      this.held = this.held.filter(other => other !== request);
      settle();
      this.grantNext();
    };
    new Promise(resolve => resolve(request.callback(lock))).then(
      value => end(() => request.resolve(value)), (error: unknown) => end(() => request.reject(error))
    );
  }

  private rob(name: string): void {
    for (const request of this.held.filter(other => other.name === name)) {
      this.held = this.held.filter(other => other !== request);
      request.news.add(() => request.reject(abortError()));
    }
  }
}

function abortError(): DOMException {
  return new DOMException('The request was aborted', 'AbortError');
}
