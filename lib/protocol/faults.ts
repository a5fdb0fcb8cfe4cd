/** A fault that a developer causes in a host to test the app. */
export type FaultRequest =
  /** Closes the connection to the server. Each attempt to connect fails until `restore`. */
  | {fault: 'cut'}
  /** Restores the network. */
  | {fault: 'restore'}
  /** Delays each message from and to the server by `ms` milliseconds. */
  | {fault: 'slow'; ms: number}
  /** Blocks the host's thread for `ms` milliseconds. */
  | {fault: 'freeze'; ms: number}
  /** Ends the host at once. Its tabs get no message. */
  | {fault: 'kill'};

/** The faults in the network of a host. */
export interface FaultState {
  /** The fault in the host's network; 'untouched' if there is none. */
  network: 'untouched' | 'cut' | 'slow';
  /** The delay of each message, in ms. */
  delay: number;
}

/** The longest time that a host's thread may be blocked at once, in ms. */
export const MAX_FREEZE_MS = 60_000;
