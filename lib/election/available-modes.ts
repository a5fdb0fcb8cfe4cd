import {obstacleToChannels} from '../platform/browser.js';
import type {Locks} from '../platform/platform.js';
import type {BackendOrSocket, ConnectOptions, Mode} from '../options/connect-options.js';

export interface AvailableModes {
  /** The modes in order of preference. Never empty. */
  modes: Mode[];
  /** Why the first mode is the best one available. */
  reason: string;
}

/** Returns the hosting modes that the options and the browser allow. */
export function availableModes(options: ConnectOptions, backendOrSocket: BackendOrSocket | undefined, locks: Locks | undefined): AvailableModes {
  const {mode = 'auto', useSharedWorker} = options;
  if (mode !== 'auto') return {modes: [mode], reason: 'The option mode requires it'};
  if (useSharedWorker === false) return {modes: ['direct'], reason: 'The option useSharedWorker is false'};
  const noSharedWorker = obstacleToSharedWorker(options);
  const noElection = obstacleToElection(options, backendOrSocket, locks);
  const reason = [noSharedWorker, noSharedWorker && noElection].filter(Boolean).join('; ');
  return {
    modes: [...(noSharedWorker ? [] : ['shared-worker' as const]), ...(noElection ? [] : ['elected-tab' as const]), 'direct'],
    reason: reason || 'The shared worker answered'
  };
}

function obstacleToSharedWorker({sharedWorker}: ConnectOptions): string | undefined {
  if (!sharedWorker) return 'The option sharedWorker is missing';
  return typeof SharedWorker === 'function' ? obstacleToChannels() : 'This browser has no SharedWorker';
}

function obstacleToElection(
  {url, worker, channel}: ConnectOptions, backendOrSocket: BackendOrSocket | undefined, locks: Locks | undefined
): string | undefined {
  if (backendOrSocket && url === undefined && !worker) return 'The backend or socket belongs to this tab alone';
  if (!locks) return 'There are no Web Locks to elect a tab with';
  return channel ? undefined : obstacleToChannels();
}
