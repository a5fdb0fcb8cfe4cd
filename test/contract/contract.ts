import {expect} from 'chai';
import {Recording} from './recording.js';
import {ContractStage} from './stage.js';
import {direct, fallback, proxy} from './subjects.js';

export type Script = (stage: ContractStage) => Promise<void> | void;

const SUBJECTS = {'through the proxy': proxy, 'by the fallback': fallback};

interface Options {
  /** Options of the backend. */
  backend?: object;
  /** The script begins before the client is connected. */
  unconnected?: true;
  /** Why pending states in between may differ. They are then not compared. */
  exceptPending?: string;
}

/** Runs `script` on every kind of connection. The recorded events must equal those of ShareDB's own connection. */
export function contract(title: string, script: Script, options: Options = {}): void {
  const expected = once(() => record(direct, script, options));
  describe(title, () => {
    it('on a direct connection, each time', async () => {
      expect(await record(direct, script, options)).to.eql(await expected());
    });
    for (const [name, subject] of Object.entries(SUBJECTS)) {
      it(name, async () => {
        expect(await record(subject, script, options)).to.eql(await expected());
      });
    }
  });
}

export async function record(subject: typeof direct, script: Script, {backend, unconnected, exceptPending}: Options): Promise<string[]> {
  const recording = new Recording({exceptPending: !!exceptPending});
  const stage = new ContractStage(subject, recording, backend);
  try {
    if (!unconnected) await stage.connected();
    await script(stage);
    await stage.conclude();
    return [...recording.lines, ...recording.elsewhere];
  } finally {
    stage.close();
  }
}

function once<T>(make: () => T): () => T {
  let made: {value: T} | undefined;
  return () => (made ??= {value: make()}).value;
}
