import type ShareDB from 'sharedb';

/** `team:7:plan` is in `team:` and `team:7:`. */
const prefixesOf = (id: string): string[] => [...id.matchAll(/:/g)].map(({index}) => id.slice(0, index + 1));

interface Context {
  collection: string;
  id: string;
  query: {prefix: string};
  channels: string[];
}

/**
 * Publishes an op to its document and to the prefixes of its id. ShareDB publishes it to its whole collection, and each server that has
 * any subscribed query then gets every op of the collection: more servers would not reduce the load of each.
 */
export function publishByPrefix(backend: ShareDB): void {
  const use = (action: string, channelsOf: (context: Context) => string[]): void => {
    backend.use(action as 'submit', ((context: Context, next: () => void) => {
      context.channels = channelsOf(context);
      next();
    }) as never);
  };
  const channelOf = (collection: string, prefix: string): string => `${collection} with ${prefix}`;
  use('query', ({collection, query}) => [channelOf(collection, query.prefix)]);
  // ShareDB lists the channel of the collection first, and then that of the document.
  use('commit', ({collection, id, channels}) => [channels[1]!, ...prefixesOf(id).map(prefix => channelOf(collection, prefix))]);
}
