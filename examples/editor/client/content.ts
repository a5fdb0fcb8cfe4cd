/** An op or a snapshot of rich-text: a Delta, of any version of quill-delta, or its ops. */
import type {Op} from 'quill';

export type Content = {ops: Op[]} | Op[];

export function toOps(content: Content): Op[] {
  return Array.isArray(content) ? content : content.ops;
}
