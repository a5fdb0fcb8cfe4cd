import {parseLobbyMessage, type Candidate} from '../protocol/frames.js';
import {PROTOCOL_VERSION, hostLockName, lobbyName} from '../protocol/version.js';
import type {Locks, OpenChannel} from '../platform/platform.js';

export interface OfficeOptions {
  namespace: string;
  /** What the app calls its build; a host of an older one makes room. */
  build: string;
  /** Do not wait: the host in office does not answer any more. */
  steal: boolean;
  /** Without locks there is no office: whoever wants to serve, serves. */
  locks: Locks | undefined;
  channel: OpenChannel;
  /** Ends the waiting. */
  signal: AbortSignal;
}

/**
 * The lock of a namespace admits one host.
 * @param serve called when this one is admitted; the lock is held until what it returns resolves
 * @param onLost called when another one has taken the lock in the meantime
 */
export function takeOffice(
  {namespace, build, steal, locks, channel, signal}: OfficeOptions, serve: () => Promise<void>, onLost: () => void
): void {
  if (!locks) return void serve();
  const name = hostLockName(namespace);
  const candidacy = steal ? undefined : new Candidacy(channel(lobbyName(namespace)), {type: 'candidate', protocol: PROTOCOL_VERSION, build});
  let isServing = false;
  const enter = (): Promise<void> => {
    isServing = true;
    candidacy?.end();
    return serve();
  };
  // A lock can be stolen, or waited for: not both (Web Locks, `steal` with `signal` is a NotSupportedError).
  locks.request(name, steal ? {steal} : {mode: 'exclusive', signal}, enter).catch(() => {
    candidacy?.end();
    if (isServing) onLost();
  });
}

/** Tells the host in office, and whoever comes into it, that another one waits. */
class Candidacy {
  constructor(private readonly lobby: ReturnType<OpenChannel>, candidate: Candidate) {
    lobby.unref?.();
    lobby.onmessage = ({data}) => { if (parseLobbyMessage(data)?.type === 'here') lobby.postMessage(candidate); };
    lobby.postMessage(candidate);
  }

  end(): void {
    this.lobby.close();
  }
}
