import {JSDOM} from 'jsdom';
import Backend from 'sharedb';
import {Host, type HostOptions} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {mountInspector, type MountedInspector, type MountOptions} from '../../lib/inspector.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

/** The inspector in a page of jsdom. */
export class Panel {
  readonly window = new JSDOM('<!doctype html><body></body>').window;
  readonly inspector: MountedInspector;

  constructor(connection: ProxyConnection, options: MountOptions = {}) {
    this.inspector = mountInspector(connection, {parent: this.window.document.body, ...options});
  }

  get root(): ShadowRoot {
    return this.inspector.element.shadowRoot!;
  }

  /** What the present view shows. */
  get text(): string {
    return this.root.querySelector('[role=tabpanel]')!.textContent!;
  }

  /** The last error of what the user did. */
  get said(): string {
    return this.root.querySelector('[role=status]')!.textContent!;
  }

  all<E extends Element = HTMLElement>(selector: string): E[] {
    return [...this.root.querySelectorAll<E>(selector)];
  }

  /** @param name its text or its label */
  button(name: string): HTMLElement {
    return this.all('button').find(one => one.textContent === name || one.getAttribute('aria-label') === name)!;
  }

  press(name: string): void {
    this.button(name).click();
  }

  /** Checks a box, or removes its check. */
  check(label: string): void {
    this.root.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`)!.click();
  }

  choose(label: string, value: string): void {
    const select = this.root.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`)!;
    select.value = value;
    select.dispatchEvent(new this.window.Event('change'));
  }

  /** The lines of the timeline without their times, newest first. */
  get lines(): string[] {
    return this.all('tbody tr').map(row => [...row.querySelectorAll('td')].slice(1).map(cell => cell.textContent).join(': '));
  }

  /** @param isVisible what the page's user does with its tab */
  show(isVisible: boolean): void {
    Object.defineProperty(this.window.document, 'visibilityState', {value: isVisible ? 'visible' : 'hidden', configurable: true});
    this.window.document.dispatchEvent(new this.window.Event('visibilitychange'));
  }

  shows(...texts: string[]): Promise<void> {
    return until(`it shows ${texts.join(', ')}`, () => texts.every(text => this.text.includes(text)));
  }
}

/** A host with a server, and tabs and panels that a test opens. */
export class InspectorStage {
  readonly backend = new Backend({presence: true});
  readonly channel = memoryChannels();
  host: Host;
  private readonly tabs: ProxyConnection[] = [];
  private readonly panels: Panel[] = [];

  constructor(options: Partial<HostOptions> = {}) {
    this.host = this.startHost(options);
  }

  startHost(options: Partial<HostOptions> = {}): Host {
    this.host = new Host({
      connection: this.backend.connect(), channel: this.channel, store: false, place: 'shared-worker', build: '7', mirror: false, warn: () => {}, ...options
    });
    return this.host;
  }

  openTab(): ProxyConnection {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  open(connection: ProxyConnection, options?: MountOptions): Panel {
    const panel = new Panel(connection, options);
    this.panels.push(panel);
    return panel;
  }

  close(): void {
    for (const {inspector} of this.panels) inspector.close();
    for (const tab of this.tabs) tab.close();
    this.host.close();
  }
}
