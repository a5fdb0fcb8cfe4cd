import type {DeadLetter} from '../protocol/messages.js';
import type {DurableStore} from '../store/durable-store.js';

const PREFIX = 'dead letter: ';
/** The oldest goes when there are more. */
const MAX_LETTERS = 200;

/** What could not be saved: kept until the app has looked at it. */
export class DeadLetters {
  private readonly letters = new Map<string, DeadLetter>();

  constructor(
    private readonly store: DurableStore | undefined,
    private readonly randomId: () => string,
    private readonly onLetter: (letter: DeadLetter) => void
  ) {}

  get size(): number {
    return this.letters.size;
  }

  /** Takes up what an earlier host has kept. */
  load(kept: Record<string, string>): void {
    for (const [name, value] of Object.entries(kept)) {
      if (!name.startsWith(PREFIX)) continue;
      try {
        const letter = JSON.parse(value) as DeadLetter;
        this.letters.set(letter.id, letter);
      } catch {
        // Not one of ours: it stays where it is.
      }
    }
  }

  list(): DeadLetter[] {
    return [...this.letters.values()];
  }

  /** @param letter with an id where it may come twice */
  add(letter: Omit<DeadLetter, 'id' | 'time'> & {id?: string}, now: number): void {
    const added = {...letter, id: letter.id ?? this.randomId(), time: now};
    if (this.letters.has(added.id)) return;
    this.letters.set(added.id, added);
    this.store?.keep(PREFIX + added.id, JSON.stringify(added));
    if (this.letters.size > MAX_LETTERS) this.discard(this.letters.keys().next().value!);
    this.onLetter(added);
  }

  discard(id: string): boolean {
    if (!this.letters.delete(id)) return false;
    this.store?.keep(PREFIX + id, undefined);
    return true;
  }
}
