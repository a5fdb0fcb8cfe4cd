/** Modules of `sharedb` that `@types/sharedb` does not describe. */
declare module 'sharedb/lib/util.js' {
  export function nextTick(callback: (...args: never[]) => void, ...args: unknown[]): void;
  export function isDangerousProperty(name: unknown): boolean;
  export function supportsPresence(type: unknown): boolean;
}
declare module 'sharedb/lib/ot.js' {
  export function transform(type: unknown, op: object, appliedOp: object): Error | undefined;
  export function transformPresence(presence: object, op: object, isOwnOp: boolean): Error | undefined;
  export function checkOp(op: object): Error | undefined;
  /** Since sharedb 7. */
  export const checkSubmittedOpForType: ((type: unknown, op: object) => Error | undefined) | undefined;
  export function checkOpPathsForType(type: unknown, op: object): Error | undefined;
}
declare module 'sharedb/lib/client/presence/local-doc-presence.js' {
  const LocalDocPresence: unknown;
  export default LocalDocPresence;
}
declare module 'sharedb/lib/client/presence/remote-doc-presence.js' {
  const RemoteDocPresence: unknown;
  export default RemoteDocPresence;
}
declare module 'sharedb/lib/error.js' {
  const ShareDBError: {CODES: Record<string, string>};
  export default ShareDBError;
}
declare module 'sharedb/lib/emitter.js' {
  export class EventEmitter {}
}
/** The diff that ShareDB's server makes of a query's results. */
declare module 'arraydiff' {
  export type ArrayDiff<Item> =
    | {type: 'insert'; index: number; values: Item[]}
    | {type: 'remove'; index: number; howMany: number}
    | {type: 'move'; from: number; to: number; howMany: number};
  export default function arrayDiff<Item>(before: readonly Item[], after: readonly Item[]): ArrayDiff<Item>[];
}
