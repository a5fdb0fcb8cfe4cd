import ShareDB from 'sharedb';

/** A json0 op that inserts or removes text in the document's only string. */
export interface TextOp {
  p: ['text', number];
  si?: string;
  sd?: string;
}

export interface History {
  text: string;
  ops: TextOp[];
}

const words = 'river stone amber willow harbor lantern meadow copper thunder velvet orchard compass marble falcon ember'.split(' ');

/** Makes the history of a large document with many edits, as a ShareDB server keeps it. */
export async function makeHistory(versions: number, paragraphs: number): Promise<History> {
  const backend = new ShareDB();
  const connection = backend.connect();
  const doc = connection.get('books', 'large');
  let state = 1;
  const random = (below: number): number => (state = state * 48271 % 2147483647) % below;
  const word = (): string => words[random(words.length)]!;
  const text = Array.from({length: paragraphs}, () => `${Array.from({length: 30}, word).join(' ')}.`).join('\n');
  const call = (act: (callback: (error?: unknown) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => act(error => error ? reject(error as Error) : resolve()));
  await call(callback => doc.create({text}, callback));
  for (let version = 1; version < versions; version++) {
    const at = random((doc.data as {text: string}).text.length - 20);
    const removed = (doc.data as {text: string}).text.slice(at, at + 10);
    await call(callback => doc.submitOp(version % 2
      ? {p: ['text', at], si: ` ${version % 400 === 1 ? 'treasure' : word()} `}
      : {p: ['text', at], sd: removed}, {}, callback));
  }
  const ops = await new Promise<{op?: TextOp[]}[]>((resolve, reject) =>
    backend.db.getOps('books', 'large', 1, null, {}, (error: unknown, list: unknown) => error ? reject(error as Error) : resolve(list as {op?: TextOp[]}[])));
  connection.close();
  await new Promise(resolve => backend.close(resolve));
  return {text, ops: ops.flatMap(({op}) => op ?? [])};
}
