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

/** What a host is given by whoever runs it, where the inspector may cause faults. */
export interface FaultAccess {
  /** Of the WebSocket to the server, where this library makes it. */
  gate: ConnectGate;
  /** Ends the host's worker. Without it, the host alone ends. */
  kill?: (() => void) | undefined;
}
