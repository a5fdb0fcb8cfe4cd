/** Packages that come without types. */
declare module 'sharedb-string-binding' {
  import type {Doc} from 'sharedb/lib/client/index.js';
  export default class StringBinding {
    constructor(element: HTMLInputElement | HTMLTextAreaElement, doc: Doc, path?: (string | number)[]);
    setup(): void;
    destroy(): void;
  }
}

declare module 'codemirror-ot' {
  import type {Extension} from '@codemirror/state';
  import type {Doc} from 'sharedb/lib/client/index.js';
  import type {ChangeSet, ChangeSpec, Text} from '@codemirror/state';
  type Path = readonly (string | number)[];
  export function canOpAffectPath(op: unknown[], path: Path): boolean;
  export function opToChangesJSON1(op: unknown[], path: Path, text: string): ChangeSpec;
  export function changesToOpJSON1(path: Path, changes: ChangeSet, before: Text, json1: object, textUnicode: object): unknown;
  export function json1Sync(options: {
    shareDBDoc: Doc;
    path: (string | number)[];
    json1: object;
    textUnicode: object;
  }): Extension;
}

declare module 'sharedb-legacy/examples/rich-text/client.js';
