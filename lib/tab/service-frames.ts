/** What services have to do with a connection: see `sharedb-tabs/remote`. It is loaded only where the app uses one. */
export interface ServiceFrames<Doc> {
  /** A session with a host begins: what is told by then is under way. */
  begin(): void;
  /** The session has ended; there may be another one. */
  end(): void;
  /** @param message with a frame */
  receive(message: object): void;
  /** A document has an op that the host has not got. */
  noteUnsent(doc: Doc): void;
}
