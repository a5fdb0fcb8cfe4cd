/** How services use a connection: see `sharedb-tabs/remote`. It is loaded only if the app uses a service. */
export interface ServiceFrames<Doc> {
  /** A session with a host has begun. Messages that the connection sent before this call arrive before later ones. */
  begin(): void;
  /** The session has ended. Another one may follow. */
  end(): void;
  /** @param message a message that contains a frame */
  receive(message: object): void;
  /** A document has an op that the host has not received. */
  noteUnsent(doc: Doc): void;
}
