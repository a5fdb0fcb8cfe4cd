import type {SubmitOptions} from '../../protocol/messages.js';
import type {PendingOp, UpstreamDoc} from '../upstream.js';

/** How an op is to be submitted, which upstream keeps at the document. */
export function submitOptions({submitSource, preventCompose}: UpstreamDoc<unknown>, op: PendingOp): SubmitOptions {
  return {...(submitSource && {source: op.source}), ...(preventCompose && {preventCompose: true as const})};
}
