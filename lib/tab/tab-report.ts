import type {HostState} from '../broker/session-client.js';
import type {TabReport} from '../protocol/report.js';
import type {Status} from './events.js';
import type {HostClient} from './host-client.js';

/** The connection that a report is about. */
interface ReportedConnection {
  readonly hostClient: HostClient;
  readonly hostState: HostState;
  readonly state: string;
  readonly status: Status;
  readonly queries: Record<string, object>;
  proxyDocs(): {report(): TabReport['pending'][number]}[];
}

/** A report of a tab's documents and state, for the host's inspector and for bug reports. */
export function reportOf(connection: ReportedConnection): TabReport {
  const {hostState, state, status: {lastError}, hostClient: {tabId: id, isVisible}} = connection;
  const docs = connection.proxyDocs();
  return {
    id, isVisible, hostState, state, docs: docs.length,
    queries: Object.keys(connection.queries).length,
    pending: docs.map(doc => doc.report()).filter(({unsent, unsettled}) => unsent + unsettled > 0),
    ...(lastError && {lastError: lastError.message})
  };
}
