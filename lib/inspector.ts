import {Inspector, type InspectorOptions} from './inspector/inspector.js';
import {ObserverConnection, type JoinOptions} from './inspector/observer-connection.js';
import {TabsError} from './protocol/errors.js';
import type {ProxyConnection} from './tab/proxy-connection.js';

export type {InspectorOptions, JoinOptions, ObserverConnection};

/** Where the inspector is shown. */
export interface MountOptions extends InspectorOptions {
  /** Where the panel goes. Default: the page's body, docked at the bottom. */
  parent?: HTMLElement | undefined;
}

/** An inspector that is shown. */
export interface MountedInspector {
  /** The custom element `<sharedb-tabs-inspector>`. */
  readonly element: HTMLElement;
  /** Removes it; nothing of it goes on. Closing twice is no error. */
  close(): void;
}

const NAME = 'sharedb-tabs-inspector';

/**
 * Joins a namespace to look at it, in a page of its own: `mountInspector(joinNamespace({namespace}), {parent: document.body})`. The page is
 * no tab of the app: it starts no host, counts as no tab, and the host refuses it documents and every change, with ERR_TABS_READ_ONLY.
 * Close the connection when you close the inspector.
 */
export function joinNamespace(options: JoinOptions = {}): ObserverConnection {
  return new ObserverConnection(options);
}

/**
 * Opens the inspector of a connection in the page. A page of its own can show it, too: see {@link joinNamespace}.
 * @throws ERR_TABS_BAD_OPTION without a page, or for a `limit` that is not a whole number above 0
 */
export function mountInspector(connection: ProxyConnection, {parent, ...options}: MountOptions = {}): MountedInspector {
  const page = parent?.ownerDocument ?? (typeof document === 'undefined' ? undefined : document);
  const window = page?.defaultView;
  if (!window) throw new TabsError('ERR_TABS_BAD_OPTION', 'mountInspector: there is no page here; call it in a window');
  if (!window.customElements.get(NAME)) window.customElements.define(NAME, class extends window.HTMLElement {});
  const element = page.createElement(NAME);
  if (!parent) element.setAttribute('docked', '');
  // Styles of the page and of the panel do not meet.
  const inspector = new Inspector(connection, element.attachShadow({mode: 'open'}), () => element.remove(), options);
  (parent ?? page.body).append(element);
  return {element, close: () => inspector.close()};
}
