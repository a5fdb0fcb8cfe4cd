import type {Kind} from '../protocol/describe.js';

export interface TimelineEntry {
  /** Counts from 1, also those that were forgotten. */
  readonly n: number;
  /** In ms since the epoch. */
  readonly time: number;
  readonly kind: Kind;
  /** Who told whom, in words; empty for what is no message. */
  readonly direction: string;
  /** One line, without any document's data. */
  readonly text: string;
  /** The message as JSON, with data: only where that was asked for. */
  readonly data?: string | undefined;
}

export type NewEntry = Omit<TimelineEntry, 'n' | 'time'> & {time?: number};

export interface TimelineFilter {
  /** What its line has to contain, in any case of letters. */
  text?: string | undefined;
  kinds?: ReadonlySet<Kind> | undefined;
}

/** What happened last, up to a limit. */
export class Timeline {
  private readonly kept: TimelineEntry[] = [];
  private count = 0;

  constructor(private readonly limit: number, private readonly now: () => number) {}

  /** @param entry without `time` it happened now */
  add(entry: NewEntry): void {
    this.kept.push({time: this.now(), ...entry, n: ++this.count});
    // Not one by one: that would move all of them each time.
    if (this.kept.length >= this.limit * 1.25) this.kept.splice(0, this.kept.length - this.limit);
  }

  /** The last first, at most as many as the limit. */
  entries({text = '', kinds}: TimelineFilter = {}): TimelineEntry[] {
    const wanted = text.toLowerCase();
    return this.kept.slice(-this.limit)
      .filter(entry => (!kinds || kinds.has(entry.kind)) && entry.text.toLowerCase().includes(wanted))
      .reverse();
  }

  clear(): void {
    this.kept.length = 0;
  }
}
