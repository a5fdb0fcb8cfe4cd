import {TabsError} from '../protocol/errors.js';
import type {Report} from '../protocol/report.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {Elements} from './elements.js';
import {STYLE} from './style.js';
import {KINDS, Timeline, type Kind} from './timeline.js';
import {askKept, documents, overview, store, timeOf, type Kept, type ViewContext} from './views.js';
import {watch} from './watch.js';

/** While it is seen, the host is asked so often, in ms. */
const REFRESH_MS = 1000;
/** More lines of the timeline are not shown at once. */
const MAX_LINES = 200;

/** The options of an inspector. */
export interface InspectorOptions {
  /** How many events the timeline keeps. Default 500. */
  limit?: number | undefined;
  /** Shows edits and messages whole, with documents' data, from the start. Default false: the user has to ask for it. */
  showData?: boolean | undefined;
}

const VIEWS = ['Overview', 'Documents', 'Timeline', 'Store'] as const;
type View = (typeof VIEWS)[number];

/** The panel in an element of a page. */
export class Inspector {
  private readonly elements: Elements;
  private readonly timeline: Timeline;
  private readonly stopWatching: () => void;
  private cancelRefresh: (() => void) | undefined;
  private report: Report | undefined;
  private kept: Kept | undefined;
  private view: View = 'Overview';
  private showsData: boolean;
  private isPaused = false;
  private filter: {text: string; kind: Kind | ''} = {text: '', kind: ''};
  private readonly panel: HTMLElement;
  private readonly said: HTMLElement;
  private readonly tabs: HTMLButtonElement[];
  private lines: HTMLElement | undefined;
  private willRender = false;
  private isClosed = false;

  /** @param root a shadow root, or an element of its own */
  constructor(
    private readonly connection: ProxyConnection, private readonly root: ShadowRoot | HTMLElement, private readonly onClose: () => void,
    {limit = 500, showData = false}: InspectorOptions
  ) {
    if (!(Number.isInteger(limit) && limit > 0)) throw new TabsError('ERR_TABS_BAD_OPTION', 'mountInspector: limit must be a whole number above 0');
    this.showsData = showData;
    this.timeline = new Timeline(limit, () => connection.clock.now());
    this.elements = new Elements(root.ownerDocument);
    const {elements} = this;
    this.tabs = VIEWS.map(name => elements.make('button', {
      type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', click: () => this.select(name)
    }, name));
    this.panel = elements.make('div', {role: 'tabpanel', id: 'panel', tabindex: '0'});
    this.said = elements.make('span', {role: 'status', class: 'error'});
    root.append(
      elements.make('style', {}, STYLE),
      elements.make('section', {'aria-label': 'ShareDB tabs inspector', keydown: event => this.onKey(event as KeyboardEvent)},
        elements.make('header', {},
          elements.make('h2', {}, 'sharedb-tabs'),
          elements.make('div', {role: 'tablist', 'aria-label': 'Views', keydown: event => this.onArrow(event as KeyboardEvent)}, ...this.tabs),
          this.said,
          elements.button('Copy report', () => this.copyReport()),
          elements.button('Close', () => this.close(), 'Close the inspector')),
        this.panel));
    this.stopWatching = watch(connection, this.timeline, () => this.showsData, () => this.onEvent());
    this.select('Overview');
    void this.refresh();
  }

  /** Ends it: nothing of it goes on. Closing twice is no error. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.cancelRefresh?.();
    this.stopWatching();
    this.timeline.clear();
    this.root.replaceChildren();
    this.onClose();
  }

  private get context(): ViewContext {
    const {elements, connection, report} = this;
    return {
      elements, connection, report,
      act: (what, action) => void this.act(what, action),
      save: (name, text) => this.save(name, text),
      confirm: question => this.window?.confirm(question) ?? true
    };
  }

  private get window(): (Window & typeof globalThis) | null {
    return this.root.ownerDocument.defaultView;
  }

  private async refresh(): Promise<void> {
    if (this.isClosed) return;
    // Of a page that nobody sees, nobody reads it.
    if (this.root.ownerDocument.visibilityState !== 'hidden') {
      this.report = await this.connection.inspect();
      if (this.view === 'Store') this.kept = await askKept(this.connection).catch(() => undefined);
      if (this.view !== 'Timeline') this.render();
    }
    if (!this.isClosed) this.cancelRefresh = this.connection.clock.after(REFRESH_MS, () => void this.refresh());
  }

  private async act(what: string, action: () => unknown): Promise<void> {
    this.said.textContent = '';
    try {
      await action();
    } catch (error) {
      this.said.textContent = `${what} failed: ${(error as Error).message}`;
    }
    this.cancelRefresh?.();
    await this.refresh();
  }

  // ---- views

  private select(view: View): void {
    this.view = view;
    for (const tab of this.tabs) {
      const isSelected = tab.textContent === view;
      tab.setAttribute('aria-selected', String(isSelected));
      tab.tabIndex = isSelected ? 0 : -1;
    }
    this.panel.setAttribute('aria-labelledby', `tab-${view}`);
    this.lines = undefined;
    this.render();
    if (view !== 'Store' || this.isClosed) return;
    void askKept(this.connection).then(kept => {
      this.kept = kept;
      if (this.view === 'Store') this.render();
    }, () => {});
  }

  private render(): void {
    if (this.isClosed) return;
    const {context, panel} = this;
    // Whoever is about to press a button or reads with the keyboard is not to lose the place.
    const focused = this.focusedLabel();
    const {scrollTop} = panel;
    switch (this.view) {
      case 'Overview':
        panel.replaceChildren(overview(context));
        break;
      case 'Documents':
        panel.replaceChildren(documents(context));
        break;
      case 'Store':
        panel.replaceChildren(this.dataToggle(), store(context, this.kept, this.showsData));
        break;
      case 'Timeline':
        if (!this.lines) this.openTimeline();
        else this.fillTimeline();
        break;
      default:
        this.view satisfies never;
    }
    panel.scrollTop = scrollTop;
    if (focused) [...panel.querySelectorAll<HTMLElement>('button, input')].find(one => labelOf(one) === focused)?.focus();
  }

  private focusedLabel(): string | undefined {
    const active = 'activeElement' in this.root ? this.root.activeElement : this.root.ownerDocument.activeElement;
    return active && this.panel.contains(active) ? labelOf(active as HTMLElement) : undefined;
  }

  private openTimeline(): void {
    const {elements} = this;
    this.lines = elements.make('div');
    const text = elements.make('input', {type: 'search', 'aria-label': 'Filter by text', placeholder: 'notes/one', value: this.filter.text, input: () => {
      this.filter.text = text.value;
      this.fillTimeline();
    }});
    const kind = elements.make('select', {'aria-label': 'Filter by kind', change: () => {
      this.filter.kind = kind.value as Kind | '';
      this.fillTimeline();
    }}, elements.make('option', {value: ''}, 'everything'), ...KINDS.map(one => elements.make('option', {value: one, selected: this.filter.kind === one}, one)));
    this.panel.replaceChildren(elements.make('div', {class: 'filters'},
      text, kind,
      this.checkbox('Pause', this.isPaused, isPaused => {
        this.isPaused = isPaused;
        this.fillTimeline();
      }),
      this.dataToggle(),
      elements.button('Clear', () => {
        this.timeline.clear();
        this.fillTimeline(true);
      })), this.lines);
    this.fillTimeline(true);
  }

  private fillTimeline(always = false): void {
    if (!this.lines || (this.isPaused && !always)) return;
    const {elements, filter: {text, kind}} = this;
    const entries = this.timeline.entries({text, kinds: kind ? new Set([kind]) : undefined}).slice(0, MAX_LINES);
    this.lines.replaceChildren(elements.table('Messages and events, the last first', ['Time', '', 'What'], entries.map(entry => [
      timeOf(entry.time), entry.direction === 'out' ? 'to host' : entry.direction === 'in' ? 'from host' : '',
      elements.make('span', {class: entry.kind === 'error' ? 'error' : undefined}, entry.text,
        entry.data !== undefined && elements.make('pre', {}, entry.data))
    ]), 'Nothing has happened yet, or nothing that the filter lets through.'));
  }

  /** Many events of one moment are drawn once. */
  private onEvent(): void {
    if (this.view !== 'Timeline' || this.willRender) return;
    this.willRender = true;
    this.connection.clock.after(100, () => {
      this.willRender = false;
      if (this.view === 'Timeline') this.render();
    });
  }

  private dataToggle(): HTMLElement {
    return this.checkbox("Show documents' data", this.showsData, showsData => {
      this.showsData = showsData;
      this.render();
    });
  }

  private checkbox(label: string, isChecked: boolean, onChange: (isChecked: boolean) => void): HTMLElement {
    const box: HTMLInputElement = this.elements.make('input', {type: 'checkbox', 'aria-label': label, checked: isChecked, change: () => onChange(box.checked)});
    return this.elements.make('label', {}, box, ` ${label}`);
  }

  // ---- what the user does

  private onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.close();
  }

  /** As a tablist has it (WAI-ARIA Authoring Practices, "Tabs"). */
  private onArrow(event: KeyboardEvent): void {
    const at = VIEWS.indexOf(this.view);
    const {length} = VIEWS;
    const to = {ArrowRight: (at + 1) % length, ArrowLeft: (at + length - 1) % length, Home: 0, End: length - 1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select(VIEWS[to]!);
    this.tabs[to]!.focus();
  }

  private copyReport(): void {
    void this.act('Copying', async () => {
      const text = JSON.stringify(await this.connection.inspect(), null, 2);
      const clipboard = this.window?.navigator.clipboard;
      if (clipboard) await clipboard.writeText(text);
      else this.save('report.json', text);
    });
  }

  private save(name: string, text: string): void {
    const {window} = this;
    if (!window) return;
    const url = window.URL.createObjectURL(new window.Blob([text], {type: 'application/json'}));
    this.elements.make('a', {href: url, download: name}).click();
    this.connection.clock.after(1000, () => window.URL.revokeObjectURL(url));
  }
}

const labelOf = (element: HTMLElement): string => element.getAttribute('aria-label') ?? element.textContent ?? '';
