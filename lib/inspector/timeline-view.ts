import {KINDS, type Kind} from '../protocol/describe.js';
import type {Elements} from './elements.js';
import {replaceContent} from './replace-content.js';
import {passing, type Timeline, type TimelineEntry} from './timeline.js';
import {notShown, timeOf} from './view-context.js';

/** The largest number of lines that are shown at once. */
const MAX_LINES = 200;

export interface TimelineViewOptions {
  elements: Elements;
  timeline: Timeline;
  /** Whether the messages are those of the whole namespace; null if the user can't choose. */
  isOfAll(): boolean | null;
  onScope(isOfAll: boolean): void;
  /** Whether the data of messages are shown. */
  showsData(): boolean;
  /** A control for the data in messages. */
  dataToggle(): HTMLElement;
  checkbox(label: string, isChecked: boolean, onChange: (isChecked: boolean) => void): HTMLElement;
}

/** The timeline with its filter. */
export class TimelineView {
  private readonly lines: HTMLElement;
  private readonly filter: {text: string; kind: Kind | ''} = {text: '', kind: ''};
  /** The events that are shown while the view is paused. */
  private paused: TimelineEntry[] | undefined;
  readonly element: HTMLElement;

  constructor(private readonly options: TimelineViewOptions) {
    const {elements, timeline} = options;
    this.lines = elements.make('div');
    const text = elements.make('input', {type: 'search', 'aria-label': 'Filter by text', placeholder: 'notes/one', input: () => {
      this.filter.text = text.value;
      this.fill();
    }});
    const kind = elements.make('select', {'aria-label': 'Filter by kind', change: () => {
      this.filter.kind = kind.value as Kind | '';
      this.fill();
    }}, elements.make('option', {value: ''}, 'everything'), ...KINDS.map(one => elements.make('option', {value: one}, one)));
    this.element = elements.make('div', {},
      elements.make('div', {class: 'filters'},
        this.scope(), text, kind,
        options.checkbox('Pause', false, isPaused => {
          this.paused = isPaused ? timeline.entries() : undefined;
          this.fill();
        }),
        options.dataToggle(),
        elements.button('Clear', () => this.clear())),
      this.lines);
    this.fill();
  }

  private clear(): void {
    this.options.timeline.clear();
    if (this.paused) this.paused = [];
    this.fill();
  }

  private scope(): HTMLElement | null {
    const {elements, isOfAll, onScope} = this.options;
    const chosen = isOfAll();
    if (chosen === null) return null;
    const scope: HTMLSelectElement = elements.make('select', {'aria-label': 'Whose messages', change: () => {
      onScope(scope.value === 'all');
      this.clear();
    }}, elements.make('option', {value: ''}, 'this tab'), elements.make('option', {value: 'all', selected: chosen}, 'all tabs, and the server'));
    return scope;
  }

  /** Shows the events that pass the filter. */
  fill(): void {
    const {options: {elements, timeline, showsData}, filter: {text, kind}, paused} = this;
    const entries = passing(paused ?? timeline.entries(), {text, kinds: kind ? new Set([kind]) : undefined});
    const rows = entries.slice(0, MAX_LINES).map(entry => [
      timeOf(entry.time), entry.direction,
      elements.make('span', {class: entry.kind === 'error' ? 'error' : undefined}, entry.text,
        showsData() && entry.data !== undefined && elements.make('pre', {}, entry.data))
    ]);
    const content = elements.make('div', {},
      elements.table('Messages and events, the last first', ['Time', 'Direction', 'What'], rows,
        'Nothing has happened yet, or nothing that the filter lets through.'),
      notShown(elements, entries.length - MAX_LINES, 'events'));
    // A new element would end the selection of a text.
    if (!this.lines.firstElementChild?.isEqualNode(content)) replaceContent(this.lines, content);
  }
}
