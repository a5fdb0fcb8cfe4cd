import type {Doc} from 'sharedb/lib/client/index.js';

interface Insert {
  insert?: unknown;
}

/** The text of a rich-text document, without the line end that Quill wants at its end. */
export function textOf({data}: Doc<{ops: Insert[]} | Insert[]>): string {
  const ops = Array.isArray(data) ? data : data.ops;
  return ops.map(({insert}) => insert).join('').replace(/\n$/, '');
}
