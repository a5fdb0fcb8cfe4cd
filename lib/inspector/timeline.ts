import type {Kind} from '../protocol/describe.js';

export interface TimelineEntry {
  /** The number of the event, from 1. Dropped events count, too. */
  readonly n: number;
  /** In ms since the epoch. */
  readonly time: number;
  readonly kind: Kind;
  /** The direction of a message in words, such as 'to host'; empty for other events. */
  readonly direction: string;
  /** One line, without any document's data. */
  readonly text: string;
  /** The message as JSON, with documents' data, if the user has chosen to show them. */
  data?: string | undefined;
}

export type NewEntry = Omit<TimelineEntry, 'n' | 'time'> & {time?: number};

export interface TimelineFilter {
  /** Text that the line must contain, in upper or lower case. */
  text?: string | undefined;
  kinds?: ReadonlySet<Kind> | undefined;
}

/** The last events, up to a limit. */
export class Timeline {
  private readonly kept: TimelineEntry[] = [];
  private count = 0;

  constructor(private readonly limit: number, private readonly now: () => number) {}

  /** @param entry the event. Without `time`, it gets the present time. The messages of a host arrive later than the events of this tab */
  add(entry: NewEntry): void {
    const added: TimelineEntry = {time: this.now(), ...entry, n: ++this.count};
    const before = this.kept.findLastIndex(({time}) => time <= added.time);
    this.kept.splice(before + 1, 0, added);
    // The oldest entries are removed in groups, because each removal moves all other entries.
    if (this.kept.length >= this.limit * 1.25) this.kept.splice(0, this.kept.length - this.limit);
  }

  /** Returns the events that pass the filter, newest first, at most as many as the limit. */
  entries(filter: TimelineFilter = {}): TimelineEntry[] {
    return passing(this.kept.slice(-this.limit).reverse(), filter);
  }

  /** Drops the documents' data of all events. */
  forgetData(): void {
    for (const entry of this.kept) delete entry.data;
  }

  clear(): void {
    this.kept.length = 0;
  }
}

/** @returns the events that a filter passes, in their order */
export function passing(entries: readonly TimelineEntry[], {text = '', kinds}: TimelineFilter): TimelineEntry[] {
  const wanted = text.toLowerCase();
  return entries.filter(entry => (!kinds || kinds.has(entry.kind)) && entry.text.toLowerCase().includes(wanted));
}
