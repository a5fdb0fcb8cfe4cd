import {expect} from 'chai';
import {OnDemand} from '../../lib/platform/on-demand.js';

/** A part whose loading ends when the test decides. */
function staged() {
  const said: string[] = [];
  const attempts: {resolve(part: string): void; reject(error: Error): void}[] = [];
  const part = new OnDemand<string>(
    () => new Promise((resolve, reject) => attempts.push({resolve, reject})),
    error => said.push(`failed: ${(error as Error).message}`)
  );
  const ask = (what: string): void => part.ask(name => said.push(`${name} ${what}`));
  return {part, said, attempts, ask};
}

const aTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('a part that is loaded on demand', () => {
  it('is loaded once, at the first call, and handles calls in order', async () => {
    const {said, attempts, ask} = staged();
    expect(attempts).to.have.length(0);
    ask('one');
    ask('two');
    expect(attempts).to.have.length(1);
    attempts[0]!.resolve('it does');
    await aTurn();
    ask('three');
    expect(said).to.eql(['it does one', 'it does two', 'it does three']);
    expect(attempts).to.have.length(1);
  });

  it('does nothing if it was ended meanwhile', async () => {
    for (const isFound of [true, false]) {
      const {part, said, attempts, ask} = staged();
      ask('one');
      part.end(() => said.push('ended'));
      if (isFound) attempts[0]!.resolve('it does');
      else attempts[0]!.reject(new Error('offline'));
      await aTurn();
      ask('two');
      await aTurn();
      expect(said).to.eql([]);
      expect(attempts).to.have.length(1);
    }
  });

  it('is ended within the turn when it is loaded', async () => {
    const {part, said, attempts, ask} = staged();
    ask('one');
    attempts[0]!.resolve('it does');
    await aTurn();
    part.end(name => said.push(`${name} end`));
    expect(said).to.eql(['it does one', 'it does end']);
  });

  it("reports that it can't be loaded, drops the calls, and is loaded again at the next call", async () => {
    const {said, attempts, ask} = staged();
    ask('one');
    attempts[0]!.reject(new Error('offline'));
    await aTurn();
    expect(said).to.eql(['failed: offline']);
    ask('two');
    attempts[1]!.resolve('it does');
    await aTurn();
    expect(said).to.eql(['failed: offline', 'it does two']);
  });

  it('reports, too, if it fails when it starts', async () => {
    const {part, said, attempts} = staged();
    part.ask(() => { throw new Error('no lock'); });
    attempts[0]!.resolve('it');
    await aTurn();
    expect(said).to.eql(['failed: no lock']);
  });
});
