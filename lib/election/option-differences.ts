import type {Host} from '../host/host.js';
import {warning} from '../protocol/warnings.js';
import type {WorkerGreeting} from './worker-messages.js';

/** The options of a page that a worker's host uses, as the page's greeting has them. */
type Given = Pick<WorkerGreeting, 'store' | 'url'>;
/** The options of `startHost` that take precedence. */
interface Own {
  store?: object | false;
  url?: unknown;
  connect?: unknown;
}

/** A page's option that has no effect, because the host has another value. */
export interface OptionDifference {
  name: keyof Given;
  /** A warning that names both values. */
  text: string;
}

/**
 * Finds the options of a page that differ from those that the host was started with.
 * @param own the options of `startHost`
 * @param used the greeting that started the host
 * @param given the greeting of the other page
 */
export function optionDifferences(own: Own, used: Given, given: Given): OptionDifference[] {
  const differences = [storeDifference(own, used, given), urlDifference(own, used, given)];
  return differences.filter(difference => difference !== undefined);
}

/** Warns of the options of other pages that have no effect: once for each option, when the host accepts tabs. */
export class OptionWarnings {
  private readonly texts = new Map<string, string>();
  private host: Pick<Host, 'warn'> | undefined;

  /** @param own the options of `startHost`; @param used the greeting that started the host */
  constructor(private readonly own: Own, private readonly used: Given) {}

  compare(given: Given): void {
    for (const {name, text} of optionDifferences(this.own, this.used, given)) {
      if (this.texts.has(name)) continue;
      this.texts.set(name, text);
      this.host?.warn(text, name);
    }
  }

  /** The host accepts tabs. */
  open(host: Pick<Host, 'warn'>): void {
    this.host = host;
    for (const [name, text] of this.texts) host.warn(text, name);
  }
}

function storeDifference({store: own}: Own, used: Given, given: Given): OptionDifference | undefined {
  const [theirs, mine] = [textOf(given.store), textOf(used.store)];
  // The store of `startHost` may have other options than the pages. But a page that wants a store, or none, must know if it is ignored.
  if (own === undefined ? theirs === mine : given.store === undefined || !own === !given.store) return undefined;
  const host = own === undefined ? `The host was started with ${mine}` : `startHost({store}) ${own ? 'has a store' : 'is false'}`;
  return {name: 'store', text: difference(`store: ${theirs}`, host)};
}

function urlDifference(own: Own, used: Given, given: Given): OptionDifference | undefined {
  if (own.url !== undefined || own.connect || given.url === used.url) return undefined;
  // A query may contain a token.
  const [theirs, mine] = [given.url, used.url].map(url => url?.replace(/\?.*/s, '') ?? 'none');
  const what = theirs === mine ? `${theirs} with another query` : theirs!;
  return {
    name: 'url',
    text: difference(`url: ${what}`, `The host was started with ${mine}. It does not call a function again: use getToken for tokens`)
  };
}

const difference = (given: string, host: string): string =>
  warning('WARN_TABS_OPTIONS', `createConnection({${given}}) of a page has no effect. ${host}`);

/** The option as text, with the defaults. */
function textOf(store: Given['store']): string {
  return store === false ? 'false' : JSON.stringify({durability: 'delayed', resume: 'snapshot', ...store});
}
