/** A branded string: the compiler does not accept an id of one kind for another. Each kind says who creates the ids. */
export type Branded<Kind extends string> = string & {
  /** Only for the type checker. */
  readonly __kind: Kind;
};

/** Created by a tab, once for its life. It is also the `src` of the tab's ops. */
export type TabId = Branded<'tab'>;
/** Created by a host when it starts. */
export type Epoch = Branded<'epoch'>;
/** Created by a host for each greeting that it accepts on the greeting channel, or by a tab that greets a host on a port. */
export type SessionId = Branded<'session'>;
