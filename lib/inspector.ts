import {Inspector, type InspectorOptions} from './inspector/inspector.js';
import {ObserverConnection, type JoinOptions} from './inspector/observer-connection.js';
import {isObject} from './protocol/checks.js';
import {TabsError} from './protocol/errors.js';
import {checkOptions, COUNT, FLAG} from './tab/check-options.js';
import type {ProxyConnection} from './tab/proxy-connection.js';

export type {InspectorOptions, JoinOptions, ObserverConnection};

/** The options of `mountInspector`. */
export interface MountOptions extends InspectorOptions {
  /** The element that the panel is added to. Default: the page's body, docked at the bottom. */
  parent?: HTMLElement | undefined;
}

/** An inspector in a page. */
export interface MountedInspector {
  /** The custom element `<sharedb-tabs-inspector>`. */
  readonly element: HTMLElement;
  /** Removes the panel and stops all its work. It can be called twice. */
  close(): void;
}

const NAME = 'sharedb-tabs-inspector';

/**
 * Joins a namespace read-only, for an inspector in a separate page: `mountInspector(joinNamespace({namespace}), {parent: document.body})`.
 * The page does not count as a tab of the app. It starts no host, and the host refuses its requests for documents and changes with
 * ERR_TABS_READ_ONLY. Close the connection when you close the inspector.
 * @throws ERR_TABS_BAD_OPTION if an option is unknown or has a wrong value
 */
export function joinNamespace(options: JoinOptions = {}): ObserverConnection {
  return new ObserverConnection(options);
}

/**
 * Opens the inspector of a connection in the page. A separate page can show it, too: see {@link joinNamespace}.
 * @throws ERR_TABS_BAD_OPTION without a page or a connection, or if an option is unknown or has a wrong value
 */
export function mountInspector(connection: ProxyConnection, options: MountOptions = {}): MountedInspector {
  if (typeof (connection as Partial<ProxyConnection> | undefined)?.callHost !== 'function') {
    throw new TabsError('ERR_TABS_BAD_OPTION', 'mountInspector takes a connection of createConnection() or joinNamespace()');
  }
  checkOptions('mountInspector', options, {
    parent: ['an element', parent => isObject(parent) && 'ownerDocument' in parent], limit: COUNT, showData: FLAG
  });
  const {parent, ...shown} = options;
  const page = parent?.ownerDocument ?? (typeof document === 'undefined' ? undefined : document);
  const window = page?.defaultView;
  if (!window) throw new TabsError('ERR_TABS_BAD_OPTION', 'mountInspector: there is no page; call it in a window');
  if (!window.customElements.get(NAME)) window.customElements.define(NAME, class extends window.HTMLElement {});
  const element = page.createElement(NAME);
  if (!parent) element.setAttribute('docked', '');
  // The shadow root separates the styles of the page and of the panel.
  const inspector = new Inspector(connection, element.attachShadow({mode: 'open'}), () => element.remove(), shown);
  (parent ?? page.body).append(element);
  return {element, close: () => inspector.close()};
}
