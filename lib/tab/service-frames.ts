/** How services use a connection: see `sharedb-tabs/remote`. It is loaded only if the app uses a service. */
export interface ServiceFrames<Doc> {
  /** A session with a host begins. Messages that the connection sent before this call are on their way. */
  begin(): void;
  /** The session has ended. Another one may follow. */
  end(): void;
  /** @param message a message that contains a frame */
  receive(message: object): void;
  /** A document has an op that the host lacks. */
  noteUnsent(doc: Doc): void;
}
