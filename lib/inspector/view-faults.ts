import type {FaultRequest, FaultState} from '../protocol/faults.js';
import {hostOf, hostProblem, type ViewContext} from './view-context.js';

const DELAYS_MS = [100, 500, 2000, 5000];
const FREEZES_MS = [2000, 5000, 15_000, 30_000];

const ALLOW = `// in a development build, in the worker
startHost({allowFaults: true});

// and where a page is the host
createConnection({allowFaults: true});`;

/** Buttons that cause faults in the host and in its network. */
export function faults(context: ViewContext): HTMLElement {
  const {elements, report, isReadOnly} = context;
  const host = hostOf(report);
  if (isReadOnly) return elements.make('p', {class: 'empty'}, 'This page is read-only. Open the inspector in a tab of the app to cause faults.');
  if (!host) return elements.make('div', {}, hostProblem(context));
  return elements.make('div', {}, hostProblem(context), host.faults ? buttons(context, host.faults) : howToAllow(context));
}

function howToAllow({elements}: ViewContext): HTMLElement {
  return elements.make('div', {},
    elements.make('p', {}, 'This host does not allow faults: in production, a page must not be able to kill the host. To try faults, start it with allowFaults:'),
    elements.make('pre', {}, ALLOW));
}

function buttons({elements, act, connection}: ViewContext, {network, delay}: FaultState): HTMLElement {
  const inject = (request: FaultRequest, what: string) => (): void => act(what, () => connection.callHost('host.fault', request));
  const timed = (label: string, name: string, fault: 'slow' | 'freeze', times: readonly number[], unit: (ms: number) => string, chosen?: number): HTMLElement => {
    const choice: HTMLSelectElement = elements.make('select', {'aria-label': name}, ...times.map(ms => elements.make('option', {value: String(ms), selected: ms === chosen}, unit(ms))));
    return elements.make('span', {class: 'actions'},
      elements.button(label, () => inject({fault, ms: Number(choice.value)}, label)()), choice);
  };
  const state = {untouched: 'as it is', cut: 'cut', slow: `slow: each message takes ${delay} ms longer`}[network];
  return elements.make('div', {},
    elements.make('h3', {}, "The host's network"),
    elements.facts([['Network', state]]),
    elements.make('p', {class: 'filters'},
      elements.button('Cut the network', inject({fault: 'cut'}, 'Cutting the network')),
      timed('Slow the link', 'Delay of each message', 'slow', DELAYS_MS, ms => `${ms} ms`, delay),
      elements.button('Restore the network', inject({fault: 'restore'}, 'Restoring the network'))),
    elements.make('h3', {}, 'The host itself'),
    elements.make('p', {class: 'filters'},
      timed('Freeze the host', 'How long the host is frozen', 'freeze', FREEZES_MS, ms => `${ms / 1000} s`),
      elements.button('Kill the host', inject({fault: 'kill'}, 'Killing the host'))),
    elements.make('p', {class: 'empty'}, 'These faults are real, and concern all tabs. A killed worker flushes nothing; a frozen one that does not answer for 10 s is replaced.'));
}
