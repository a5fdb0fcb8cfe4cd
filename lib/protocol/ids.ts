/** Ids say who minted them; a string of one kind is not taken for another. */
export type Branded<Kind extends string> = string & {readonly __kind: Kind};

/** Minted by a tab, once for its life. It is also the `src` of the tab's ops. */
export type TabId = Branded<'tab'>;
/** Minted by a host at its start. */
export type Epoch = Branded<'epoch'>;
/** Minted by a host for each greeting on the greeting channel that it accepts, or by a tab that greets a host on a port. */
export type SessionId = Branded<'session'>;
