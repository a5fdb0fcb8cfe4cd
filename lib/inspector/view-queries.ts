import type {ChannelReport} from '../protocol/report.js';
import {followersOf, hostOf, hostProblem, notShown, shortId, type ViewContext} from './view-context.js';

/** Queries, and presences, with the tabs that follow them. */
export function queries(context: ViewContext): HTMLElement {
  const {elements, connection, report} = context;
  const host = hostOf(report);
  const shownBy = ({tab}: ChannelReport['presences'][number]): string =>
    (tab === undefined ? 'another client' : tab === connection.id ? 'this tab' : `tab ${shortId(tab)}`);
  return elements.make('div', {},
    hostProblem(context),
    elements.table('Subscribed queries', ['Collection', 'Query', 'Results', 'From', 'Followers'],
      (host?.queryList ?? []).map(({collection, query, results, isLocal, followers}) => [
        collection, elements.make('code', {}, query), results ?? 'no answer yet', isLocal ? 'this browser' : 'the server', followersOf(followers, context)
      ]), 'No tab subscribes to a query.'),
    host && notShown(elements, host.queries - host.queryList.length, 'queries'),
    elements.table('Presence channels', ['Channel', 'Present', 'Followers'],
      (host?.presenceList ?? []).map(({channel, presences, followers}) => [
        channel,
        presences.map(one => `${one.id} (${shownBy(one)}${one.doc === undefined ? '' : `, in ${one.collection}/${one.doc}`})`).join(', ') || 'nobody',
        followersOf(followers, context)
      ]), 'No tab uses presence.'),
    host && notShown(elements, host.channels - host.presenceList.length, 'channels'));
}
