import type {Report} from '../protocol/report.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {Elements} from './elements.js';
import {NamespaceFeed} from './namespace-feed.js';
import {ObserverConnection} from './observer-connection.js';
import {replaceContent} from './replace-content.js';
import {ShownDoc} from './shown-doc.js';
import {STYLE} from './style.js';
import {Timeline} from './timeline.js';
import {TimelineView} from './timeline-view.js';
import type {ViewContext} from './view-context.js';
import {documents} from './view-documents.js';
import {faults} from './view-faults.js';
import {overview} from './view-overview.js';
import {queries} from './view-queries.js';
import {askKept, store, type Kept} from './view-store.js';
import {watch} from './watch.js';

/** The interval between requests to the host while the page is visible, in ms. */
const REFRESH_MS = 1000;
/** The time after which a host that has not answered a request is shown as silent, in ms. */
const SILENT_MS = 2000;

/** The options of an inspector. */
export interface InspectorOptions {
  /** The number of events that the timeline keeps, an integer above 0. Default 500. */
  limit?: number | undefined;
  /** Shows whole edits and messages, with documents' data, from the start. Default false: only after the user has checked the option. */
  showData?: boolean | undefined;
}

const VIEWS = ['Overview', 'Documents', 'Queries', 'Timeline', 'Store', 'Faults'] as const;
type View = (typeof VIEWS)[number];

/** The panel in an element of a page. */
export class Inspector {
  private readonly elements: Elements;
  private readonly timeline: Timeline;
  private readonly feed: NamespaceFeed;
  private readonly isReadOnly: boolean;
  private readonly stopWatching: () => void;
  private cancelRefresh: (() => void) | undefined;
  private rounds = 0;
  private report: Report | undefined;
  private isSilent = false;
  private kept: Kept | undefined;
  private view: View = 'Overview';
  private showsData: boolean;
  private readonly shownDoc = new ShownDoc();
  /** Whether the timeline shows the messages of the whole namespace. */
  private isOfAll: boolean;
  private readonly panel: HTMLElement;
  private readonly statusText: HTMLElement;
  private readonly tabs: HTMLButtonElement[];
  private timelineView: TimelineView | undefined;
  private willRender = false;
  private isClosed = false;

  /** @param root a shadow root, or an element of its own */
  constructor(
    private readonly connection: ProxyConnection, private readonly root: ShadowRoot | HTMLElement, private readonly onClose: () => void,
    {limit = 500, showData = false}: InspectorOptions
  ) {
    this.showsData = showData;
    this.isReadOnly = this.isOfAll = connection instanceof ObserverConnection;
    this.timeline = new Timeline(limit, () => connection.clock.now());
    this.feed = new NamespaceFeed(connection, this.timeline);
    this.elements = new Elements(root.ownerDocument);
    const {elements} = this;
    this.tabs = VIEWS.map(name => elements.make('button', {
      type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', click: () => this.select(name)
    }, name));
    this.panel = elements.make('div', {role: 'tabpanel', id: 'panel', tabindex: '0'});
    this.statusText = elements.make('span', {role: 'status', class: 'error'});
    root.append(
      elements.make('style', {}, STYLE),
      elements.make('section', {'aria-label': 'ShareDB tabs inspector', keydown: event => this.onKey(event as KeyboardEvent)},
        elements.make('header', {},
          elements.make('h2', {}, 'sharedb-tabs'),
          elements.make('div', {role: 'tablist', 'aria-label': 'Views', keydown: event => this.onArrow(event as KeyboardEvent)}, ...this.tabs),
          this.statusText,
          elements.button('Copy report', () => this.copyReport()),
          elements.button('Close', () => this.close(), 'Close the inspector')),
        this.panel));
    this.stopWatching = watch(connection, this.timeline, {
      showsData: () => this.showsData,
      // The host's messages contain those of this tab.
      takesMessages: () => !this.isOfAll,
      onChange: () => this.onEvent()
    });
    this.select('Overview');
  }

  /** Removes the panel, and stops all requests and listeners. May be called twice. */
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
    const {elements, connection, report, isSilent, isReadOnly, showsData, shownDoc} = this;
    return {
      elements, connection, report, isSilent, isReadOnly, showsData, shownDoc,
      showDoc: doc => {
        shownDoc.choose(doc);
        this.render();
        void this.refresh();
      },
      act: (what, action) => void this.act(what, action),
      save: (name, text) => this.save(name, text),
      confirm: question => this.window?.confirm(question) ?? true
    };
  }

  private get window(): (Window & typeof globalThis) | null {
    return this.root.ownerDocument.defaultView;
  }

  /** Requests what the view shows, and repeats this after a second. A new call replaces the earlier one. */
  private async refresh(): Promise<void> {
    this.cancelRefresh?.();
    if (this.isClosed) return;
    const round = ++this.rounds;
    const {clock} = this.connection;
    // A hidden page requests nothing.
    if (this.root.ownerDocument.visibilityState !== 'hidden') {
      const cancel = clock.after(SILENT_MS, () => { if (round === this.rounds) this.noteSilence(true); });
      await this.ask(round);
      cancel();
      if (this.isClosed || round !== this.rounds) return;
      this.noteSilence(false);
      this.render();
    }
    this.cancelRefresh = clock.after(REFRESH_MS, () => void this.refresh());
  }

  private async ask(round: number): Promise<void> {
    const {connection, view, showsData, shownDoc} = this;
    // In each view, because the host records messages only while they are requested.
    const reading = this.isOfAll && this.feed.read(connection.hostClient.sessionClient?.epoch, showsData).catch(() => {});
    if (view === 'Timeline') return void await reading;
    const report = await connection.inspect({tabs: view === 'Overview', data: showsData, ...(view === 'Documents' && shownDoc.request)});
    const kept = view === 'Store' ? await askKept(connection).catch(() => undefined) : undefined;
    if (round !== this.rounds) return;
    this.report = report;
    if ('docList' in report) shownDoc.note(report);
    this.kept = kept ?? this.kept;
  }

  private noteSilence(isSilent: boolean): void {
    if (isSilent === this.isSilent || this.isClosed) return;
    this.isSilent = isSilent;
    this.render();
  }

  private async act(what: string, action: () => unknown): Promise<void> {
    this.statusText.textContent = '';
    try {
      await action();
    } catch (error) {
      this.statusText.textContent = `${what} failed: ${(error as Error).message}`;
    }
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
    this.panel.replaceChildren();
    this.timelineView = undefined;
    this.render();
    void this.refresh();
  }

  private render(): void {
    if (this.isClosed) return;
    switch (this.view) {
      case 'Overview':
        return this.show(overview(this.context));
      case 'Documents':
        return this.show(documents(this.context), this.dataToggle());
      case 'Queries':
        return this.show(queries(this.context), this.dataToggle("Show queries' values"));
      case 'Store':
        return this.show(store(this.context, this.kept), this.dataToggle());
      case 'Faults':
        return this.show(faults(this.context));
      case 'Timeline':
        return this.showTimeline();
      default:
        this.view satisfies never;
    }
  }

  /** Replaces the content, unless it is equal: a new element would close an open list. */
  private show(content: HTMLElement, control?: HTMLElement): void {
    const {panel} = this;
    if (panel.lastElementChild?.isEqualNode(content)) return;
    replaceContent(panel, ...(control ? [control] : []), content);
  }

  private showTimeline(): void {
    if (this.timelineView) return this.timelineView.fill();
    const {elements, timeline} = this;
    this.timelineView = new TimelineView({
      elements, timeline,
      isOfAll: () => (this.isReadOnly ? null : this.isOfAll),
      onScope: isOfAll => {
        this.isOfAll = isOfAll;
        this.feed.stop();
        void this.refresh();
      },
      showsData: () => this.showsData,
      dataToggle: () => this.dataToggle(),
      checkbox: (label, isChecked, onChange) => this.checkbox(label, isChecked, onChange)
    });
    this.panel.replaceChildren(this.timelineView.element);
  }

  /** Renders the timeline at most once in 100 ms, because many events may arrive in one turn. */
  private onEvent(): void {
    if (this.view !== 'Timeline' || this.willRender) return;
    this.willRender = true;
    this.connection.clock.after(100, () => {
      this.willRender = false;
      if (this.view === 'Timeline') this.render();
    });
  }

  private dataToggle(label = "Show documents' data"): HTMLElement {
    return this.checkbox(label, this.showsData, showsData => {
      this.showsData = showsData;
      if (!showsData) {
        this.shownDoc.choose(undefined);
        this.timeline.forgetData();
      }
      this.render();
      void this.refresh();
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

  /** Handles the keys of a tab list (WAI-ARIA Authoring Practices, "Tabs"). */
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
      const text = JSON.stringify(await this.connection.inspect({tabs: true}), null, 2);
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
