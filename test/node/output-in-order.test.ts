import {expect} from 'chai';

interface Output {
  write(stream: {write(data: string): void}, data: string): void;
  end(): void;
}

/** The runner of `npm test` is JavaScript, because it runs before anything is compiled. So its parts have no types. */
const {OutputInOrder} = await import(new URL('../runner/output-in-order.js', import.meta.url).href) as {OutputInOrder: new() => {open(): Output}};

describe('the output of suites that run in parallel', () => {
  let printed: string[];
  const stdout = {write: (data: string) => void printed.push(data)};
  const stderr = {write: (data: string) => void printed.push(`error: ${data}`)};
  let outputs: Output[];

  beforeEach(() => {
    printed = [];
    const printer = new OutputInOrder();
    outputs = [printer.open(), printer.open(), printer.open()];
  });

  it('appears at once for the first suite, and for each later one when the suites before it have ended', () => {
    const [first, second, third] = outputs as [Output, Output, Output];
    third.write(stdout, '3a');
    first.write(stdout, '1a');
    second.write(stderr, '2a');
    expect(printed).to.eql(['1a']);
    first.end();
    expect(printed).to.eql(['1a', 'error: 2a']);
    second.write(stdout, '2b');
    expect(printed).to.eql(['1a', 'error: 2a', '2b']);
    second.end();
    third.write(stdout, '3b');
    expect(printed.slice(3)).to.eql(['3a', '3b']);
  });

  it('appears in order if a later suite ends first', () => {
    const [first, second, third] = outputs as [Output, Output, Output];
    for (const [i, output] of [third, second].entries()) {
      output.write(stdout, `${3 - i}`);
      output.end();
    }
    expect(printed).to.eql([]);
    first.end();
    expect(printed).to.eql(['2', '3']);
  });
});
