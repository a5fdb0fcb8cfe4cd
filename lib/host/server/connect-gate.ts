/** Makes a WebSocket's connection attempts fail while it is closed. Only a host that allows faults has one. */
export class ConnectGate {
  isClosed = false;
  /** Whether a WebSocket calls `check`. An app's own socket does not. */
  isUsed = false;

  /** @throws Error while the gate is closed */
  check(): void {
    this.isUsed = true;
    if (this.isClosed) throw new Error('the network was cut in the inspector');
  }
}

/** The objects that a host needs to let an inspector cause faults. */
export interface FaultAccess {
  /** The gate of the WebSocket to the server, if this library creates it. */
  gate: ConnectGate;
  /** Ends the host's worker. If missing, only the host ends. */
  kill?: (() => void) | undefined;
}
