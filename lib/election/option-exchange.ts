import type {Channel, OpenChannel} from '../platform/platform.js';
import {isObject, isText} from '../protocol/checks.js';
import {greetingChannelName} from '../protocol/version.js';
import {isSignal, type TabOptions, type WorkerGreeting} from './worker-messages.js';

/**
 * The channel on which the tabs of an election exchange the options that a host takes from its tab. The options of each tab reach each
 * tab that has a host, whichever of the two is first.
 */
export class OptionExchange {
  private readonly channel: Channel;
  private compare: ((given: TabOptions) => void) | undefined;
  /** The greeting of this tab. It is composed once, because the app may have a function that fetches the url. */
  private known: Promise<WorkerGreeting> | undefined;

  /** @param own composes the greeting of this tab */
  constructor(private readonly namespace: string, open: OpenChannel, private readonly own: () => Promise<WorkerGreeting>) {
    this.channel = open(`${greetingChannelName(namespace)}/options`);
    this.channel.unref?.();
    this.channel.onmessage = ({data}) => {
      const given = parseTabOptions(data);
      if (given?.namespace !== namespace) return;
      this.compare?.(given);
      if (given.isQuestion) this.post(false);
    };
    this.post(false);
  }

  /** This tab has a host. Asks the other tabs for their options. @param compare called with the options of each other tab */
  serve(compare: (given: TabOptions) => void): void {
    this.compare = compare;
    this.post(true);
  }

  /** This tab's host ends. */
  stopServing(): void {
    this.compare = undefined;
  }

  close(): void {
    this.stopServing();
    this.channel.onmessage = null;
    this.channel.close();
  }

  private post(isQuestion: boolean): void {
    const {channel, namespace} = this;
    (this.known ??= this.own()).then(({url, store}) => {
      if (channel.onmessage) channel.postMessage({type: 'sharedb-tabs:options', namespace, url, store, isQuestion} satisfies TabOptions);
    }).catch(() => {
      // The app's function `url` has failed. A tab that becomes the host reports this.
      this.known = undefined;
    });
  }
}

export function parseTabOptions(data: unknown): TabOptions | undefined {
  const options = data as TabOptions;
  return isSignal(data, 'sharedb-tabs:options') && isText(options.namespace) && (options.url === undefined || isText(options.url)) &&
    typeof options.isQuestion === 'boolean' && isStoreOption(options.store) ? options : undefined;
}

/** Only the defined names, because a warning shows the whole object as text. */
function isStoreOption(store: unknown): boolean {
  return store === undefined || store === false || (isObject(store) && Object.entries(store).every(([name, value]) =>
    value === undefined || (['durability', 'resume'].includes(name) ? isText(value) : ['maxAge', 'maxSize'].includes(name) && typeof value === 'number')));
}
