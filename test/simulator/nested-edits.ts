import type {Random} from '../support/random.js';
import type {Edits} from './edits.js';

/** A key or a list item that an op has added, with the words that later ops have added to it. */
interface Container {
  by: string;
  words: string[];
}

interface Data {
  groups: Record<string, Container>;
  rows: Container[];
}

type Path = (string | number)[];

const countIn = (text: string, word: string): number => text.split(word).length - 1;

/** The path of a container. The keys of groups do not look like words. */
function somePath({groups, rows}: Data, random: Random): Path | undefined {
  const paths: Path[] = [...Object.keys(groups).map(key => ['groups', key]), ...rows.map((_row, i) => ['rows', i])];
  return paths.length ? random.pick(paths) : undefined;
}

/**
 * The same edits; two of three ops of JSON types add keys and list items, and words in those of others. Another database lacks
 * many of them.
 */
export function inside(edits: Edits): Edits {
  const {type, start} = edits;
  if (type !== 'json0' && type !== 'json1') return edits;
  const insertion = (path: Path, value: unknown): unknown => {
    if (type === 'json1') return [...path, {i: value}];
    return [typeof path.at(-1) === 'number' ? {p: path, li: value} : {p: path, oi: value}];
  };
  const parents = new Map<string, string>();
  return {
    ...edits,
    parentOf: word => parents.get(word),
    start: {...start as object, groups: {}, rows: []},
    next(data: Data, random, word) {
      const container: Container = {by: word, words: []};
      const path = somePath(data, random);
      switch (random.below(6)) {
        case 0: return insertion(['groups', `g${word.slice(1, -1)}`], container);
        case 1: return insertion(['rows', random.below(data.rows.length + 1)], container);
        case 2:
        case 3: {
          if (!path) return edits.next(data, random, word);
          const [list, key] = path as ['groups' | 'rows', string];
          parents.set(word, (data[list] as Record<string, Container>)[key]!.by);
          return insertion([...path, 'words', 0], word);
        }
        default: return edits.next(data, random, word);
      }
    },
    count(data: Data, word) {
      return edits.count(data, word) + countIn(JSON.stringify([data.groups, data.rows]), word);
    }
  };
}
