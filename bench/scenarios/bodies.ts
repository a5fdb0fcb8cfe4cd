import type {BenchStage} from '../stage.js';

interface Body {
  n: number;
  body: string;
}

const bodyOf = (id: string): Body => ({n: 0, body: `${id}: `.padEnd(2000, 'All happy families are alike. ')});

/** Creates `count` documents of 2 KB at the server. Returns their ids. */
export async function createBodies(stage: BenchStage, name: string, count: number): Promise<string[]> {
  const ids = Array.from({length: count}, (_, i) => `${name} ${i}`);
  await stage.create(Object.fromEntries(ids.map(id => [id, bodyOf(id)])));
  return ids;
}

/** The data that the documents were created with. */
export function bodiesOf(ids: readonly string[]): Body[] {
  return ids.map(bodyOf);
}
