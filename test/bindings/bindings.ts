import * as json1 from 'ot-json1';
import {types} from 'sharedb/lib/client/index.js';

types.register(json1.type);

/** A text in a document of some type, as a client without an editor edits it. */
export interface TextFormat {
  type: string;
  create(text: string): unknown;
  textOf(data: any): string;
  /** An op that puts one text in another's place; either may be empty. */
  replace(at: number, removed: string, inserted: string): unknown;
}

export interface Binding {
  /** Its name in `page/main.ts`. */
  name: string;
  title: string;
  format: TextFormat;
  canDetach: boolean;
  /** Whether Ctrl-Z undoes only this tab's edits. */
  canUndo?: boolean;
}

interface RichText {
  ops: {insert: string}[];
}

const richText: TextFormat = {
  type: 'rich-text',
  create: text => [{insert: `${text}\n`}],
  // Quill wants a line end at the end.
  textOf: (data: RichText | RichText['ops']) =>
    (Array.isArray(data) ? data : data.ops).map(({insert}) => insert).join('').replace(/\n$/, ''),
  replace: (at, removed, inserted) => [
    ...at ? [{retain: at}] : [],
    ...inserted ? [{insert: inserted}] : [],
    ...removed ? [{delete: removed.length}] : []
  ]
};

const json0: TextFormat = {
  type: 'json0',
  create: content => ({content}),
  textOf: ({content}) => content,
  replace: (at, removed, inserted) => [
    ...removed ? [{p: ['content', at], sd: removed}] : [],
    ...inserted ? [{p: ['content', at], si: inserted}] : []
  ]
};

const textInJson1: TextFormat = {
  type: json1.type.uri,
  create: content => ({content}),
  textOf: ({content}) => content,
  replace: (at, removed, inserted) => json1.editOp(['content'], 'text-unicode', [
    ...at ? [at] : [],
    ...inserted ? [inserted] : [],
    ...removed ? [{d: removed}] : []
  ])
};

export const bindings: Binding[] = [
  {
    name: 'sharedb-example',
    title: "Quill, as ShareDB's own example binds it to rich-text (sharedb@1.1.0, examples/rich-text)",
    format: richText,
    canDetach: false
  },
  {
    // There is no published package for it.
    name: 'quill',
    title: 'Quill, as our example binds it to rich-text (examples/editor/client/editor-binding.ts)',
    format: richText,
    canDetach: true
  },
  {
    name: 'codemirror',
    title: 'CodeMirror, as the package codemirror-ot binds it to text-unicode in json1',
    format: textInJson1,
    canDetach: true
  },
  {
    name: 'codemirror-undo',
    title: 'CodeMirror, as the example binds it to a text in json1, with undo',
    format: textInJson1,
    canDetach: true,
    canUndo: true
  },
  {
    name: 'textarea',
    title: 'a textarea, as the package sharedb-string-binding binds it to a string in json0',
    format: json0,
    canDetach: true
  }
];
