import {KINDS, type Kind} from '../protocol/describe.js';
import type {Elements} from './elements.js';
import type {Timeline} from './timeline.js';
import {timeOf} from './view-context.js';

/** The largest number of lines that are shown at once. */
const MAX_LINES = 200;

export interface TimelineViewOptions {
  elements: Elements;
  timeline: Timeline;
  /** Whether the messages are those of the whole namespace; null if the user can't choose. */
  isOfAll(): boolean | null;
  onScope(isOfAll: boolean): void;
  /** A control for the data in messages. */
  dataToggle(): HTMLElement;
  checkbox(label: string, isChecked: boolean, onChange: (isChecked: boolean) => void): HTMLElement;
}

/** The timeline with its filter. */
export class TimelineView {
  private readonly lines: HTMLElement;
  private readonly filter: {text: string; kind: Kind | ''} = {text: '', kind: ''};
  private isPaused = false;
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
          this.isPaused = isPaused;
          this.fill();
        }),
        options.dataToggle(),
        elements.button('Clear', () => {
          timeline.clear();
          this.fill(true);
        })),
      this.lines);
    this.fill(true);
  }

  private scope(): HTMLElement | null {
    const {elements, isOfAll, onScope} = this.options;
    const chosen = isOfAll();
    if (chosen === null) return null;
    const scope: HTMLSelectElement = elements.make('select', {'aria-label': 'Whose messages', change: () => {
      onScope(scope.value === 'all');
      this.fill(true);
    }}, elements.make('option', {value: ''}, 'this tab'), elements.make('option', {value: 'all', selected: chosen}, 'all tabs, and the server'));
    return scope;
  }

  /** @param always also while it is paused */
  fill(always = false): void {
    if (this.isPaused && !always) return;
    const {options: {elements, timeline}, filter: {text, kind}} = this;
    const entries = timeline.entries({text, kinds: kind ? new Set([kind]) : undefined}).slice(0, MAX_LINES);
    this.lines.replaceChildren(elements.table('Messages and events, the last first', ['Time', 'Direction', 'What'], entries.map(entry => [
      timeOf(entry.time), entry.direction,
      elements.make('span', {class: entry.kind === 'error' ? 'error' : undefined}, entry.text,
        entry.data !== undefined && elements.make('pre', {}, entry.data))
    ]), 'Nothing has happened yet, or nothing that the filter lets through.'));
  }
}
