/** The modules that `sharedb` ships beside its own tests. */
declare module 'sharedb/test/BasicQueryableMemoryDB.js' {
  import {MemoryDB} from 'sharedb';
  /** A MemoryDB that takes queries: `{filter, sort, $count}`. */
  export default class BasicQueryableMemoryDB extends MemoryDB {}
}
declare module 'sharedb/test/client/presence/presence-test-type.js' {
  import type {Type} from 'sharedb/lib/sharedb.js';
  /** A text with presences `{index}` in it. */
  export const type: Type;
}
