/** Lets a WebSocket's attempts to connect through, or has them fail. Only a host that takes faults has one. */
export class ConnectGate {
  isClosed = false;
  /** A WebSocket asks it. One that the app has made does not. */
  isUsed = false;

  /** @throws while it is closed */
  check(): void {
    this.isUsed = true;
    if (this.isClosed) throw new Error('the network was cut in the inspector');
  }
}

/** What a host needs to let an inspector cause faults. */
export interface FaultAccess {
  /** The gate of the WebSocket to the server, if this library creates it. */
  gate: ConnectGate;
  /** Ends the host's worker. Without it, the host alone ends. */
  kill?: (() => void) | undefined;
}
