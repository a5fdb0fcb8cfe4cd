import type {SubmitOptions} from '../../protocol/messages.js';
import type {PendingOp, UpstreamDoc} from '../upstream.js';

/** The submit options of an op. ShareDB keeps them in the document. */
export function submitOptions({submitSource, preventCompose}: UpstreamDoc<unknown>, op: PendingOp): SubmitOptions {
  return {...(submitSource && {source: op.source}), ...(preventCompose && {preventCompose: true as const}), was: op.was};
}
