import type {UpstreamConnection} from './upstream.js';

/** The parts of a connection whose requests depend on the host and on the server. */
export interface RequestingConnection extends Pick<
  UpstreamConnection<any>, 'canSend' | 'queries' | '_presences' | '_snapshotRequests' | 'startBulk' | 'endBulk'
> {
  proxyDocs(): {handleLinked(): void; _onConnectionStateChanged(): void}[];
}

/** Sends all requests to a new host, or notifies the documents and presences that messages no longer reach the host. */
export function followHost(connection: RequestingConnection, isLinked: boolean): void {
  const {queries, _presences, _snapshotRequests} = connection;
  connection.startBulk();
  if (isLinked) {
    for (const query of Object.values(queries)) query.send();
    for (const doc of connection.proxyDocs()) doc.handleLinked();
    for (const presence of Object.values(_presences)) {
      presence._onConnectionStateChanged();
      // A new host has no presences, and a removal may have been lost with the session.
      for (const local of Object.values(presence.localPresences)) local.send();
    }
    for (const request of Object.values(_snapshotRequests)) request.send();
  } else {
    for (const doc of connection.proxyDocs()) doc._onConnectionStateChanged();
    for (const presence of Object.values(_presences)) presence._onConnectionStateChanged();
  }
  connection.endBulk();
}

/**
 * Handles a change of the host's connection to the server.
 * @param isDown whether the connection is lost
 * @param isBack whether the connection exists again, and requests can be sent
 */
export function followServer(connection: RequestingConnection, isDown: boolean, isBack: boolean): void {
  connection.startBulk();
  for (const query of Object.values(connection.queries)) {
    // Upstream's queries check only whether they were sent since the connection was lost.
    if (isDown) query.sent = false;
    else if (isBack && !query.sent) query.send();
  }
  if (connection.canSend && (isDown || isBack)) for (const doc of connection.proxyDocs()) doc._onConnectionStateChanged();
  for (const presence of Object.values(connection._presences)) {
    if (isDown) presence.subscribed = false;
    else if (isBack) presence._onConnectionStateChanged();
  }
  connection.endBulk();
}
