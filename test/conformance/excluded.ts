/**
 * Cases of sharedb's own client tests that a proxy can't pass, by the titles of suites and test, each with the reason. If the
 * reason says so, this library's own tests cover what the case protects.
 */

const READS_PENDING = 'reads doc.pendingOps and doc.inflightOp right after the network closed: here the op is on its way to the host, which is still there';
const RAW_SERVER_OP = 'hands a message of the server to the tab itself (handleMessage): a tab takes ops only as entries of its host\'s history; the host runs the same check (see test/node/hostile.test.ts)';
const SETS_STATE = 'calls connection._setState() to pretend a lost network, and reads connection.canSend, which here tells of the link to the host';

const EXCLUDED = new Map<string, string>([
  ['client connection > subscribing to same doc closes old stream and adds new stream to agent',
    'looks for a new stream at the server after a second subscribe: the host is subscribed already and answers itself'],
  ['Doc > when connection closed > do not mutate previously inflight op', READS_PENDING],
  ...['Rejects ops with a dangerous first path segment', 'Rejects ops with a dangerous later path segment',
    'Rejects an array-like op', 'Rejects ops with a path segment that is not a string', 'Rejects multi-component ops',
    'does not apply the valid components of a rejected multi-component op', 'leaves the doc usable after rejecting an op'
  ].map((title): [string, string] =>
    [`Doc > errors on ops that could cause prototype corruption > ops from the server > ${title}`, RAW_SERVER_OP]),
  ['DocPresence > transforms old presence when a doc is deleted and then created',
    'waits for the second presence that upstream\'s stale tab asks for: here the host carries the first one exactly, and asks for none'],
  ['DocPresence > waits for local pending ops before accepting remote presence', READS_PENDING],
  ['Presence > subscribes once the connection can send', SETS_STATE],
  ['Presence > sends local presence once the connection can send', SETS_STATE],
  ['Presence > re-requests remote presence when reconnecting', SETS_STATE],
  ['Presence > emits a subscribe error on reconnection when there are subscribe requests without callbacks', SETS_STATE],
  ['with a database > client submit > submitting an op from a future version fails',
    'sets doc.version by hand: here the revision, not the version, tells what an op was made on']
]);

/** Cases that earlier versions do not have, by the version that added them. */
const EXCLUDED_SINCE = new Map<number, [string, string][]>([
  [7, [
    ['DocPresence > emits an error and drops stale remote presence that cannot be transformed',
      'sends a presence of a document without naming the document (_message) and counts the requests of the tab\'s own catching up: here the host catches up']
  ]]
]);

/** Cases that depend on the delay of a BroadcastChannel. */
export const excludedOverPorts = new Map<string, string>([
  ['DocPresence > transforms old presence when new ops keep beating the presence responses',
    'waits for an op in one tab, and looks at the version that another tab has by then: the two hosts and the ports do not wait for each other']
]);

/** The cases left out, each with the reason, for a version of sharedb. */
export function excludedFrom(version: string): Map<string, string> {
  const excluded = new Map(EXCLUDED);
  for (const [since, cases] of EXCLUDED_SINCE) {
    if (Number.parseInt(version, 10) >= since) for (const [title, reason] of cases) excluded.set(title, reason);
  }
  return excluded;
}
