/** A fault that somebody causes in a host, to see what the app does. */
export type FaultRequest =
  /** The connection to the server is lost, and each attempt to connect fails, until `restore`. */
  | {fault: 'cut'}
  /** The network is as it was. */
  | {fault: 'restore'}
  /** Each message from and to the server takes so many ms longer. */
  | {fault: 'slow'; ms: number}
  /** The host's thread does nothing for so many ms. */
  | {fault: 'freeze'; ms: number}
  /** The host ends at once, without a word to its tabs. */
  | {fault: 'kill'};

/** What is done to the network of a host. */
export interface FaultState {
  network: 'untouched' | 'cut' | 'slow';
  /** How much longer each message takes, in ms. */
  delay: number;
}

/** Longer a host's thread is not blocked at once, in ms. */
export const MAX_FREEZE_MS = 60_000;
