/** What kind of thing happened: what the filter chooses from. */
export const KINDS = ['op', 'doc', 'query', 'presence', 'state', 'error', 'other'] as const;
export type Kind = (typeof KINDS)[number];

export interface TimelineEntry {
  /** Counts from 1, also those that were forgotten. */
  readonly n: number;
  /** In ms since the epoch. */
  readonly time: number;
  readonly kind: Kind;
  /** 'out': this tab told its host; 'in': the host told it. */
  readonly direction: 'in' | 'out' | '';
  /** One line, without any document's data. */
  readonly text: string;
  /** The message as JSON, with data: only where that was asked for. */
  readonly data?: string | undefined;
}

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

  add(entry: Omit<TimelineEntry, 'n' | 'time'>): void {
    this.kept.push({...entry, n: ++this.count, time: this.now()});
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
