import {expect} from 'chai';
import {expose, wrap, type RemoteOptions} from '../../lib/remote.js';
import {RunningServices} from '../../lib/services/running-services.js';

function refusal(run: () => unknown): [string, string] {
  try {
    run();
  } catch (error) {
    const {code, message} = error as Error & {code: string};
    return [code, message];
  }
  throw new Error('It was to be refused');
}

const WRONG: [object, string][] = [
  [{allowevaluate: true}, 'remote: there is no option allowevaluate. Did you mean allowEvaluate?'],
  [{limits: {depht: 1}}, 'remote: limits: there is no option depht. Did you mean depth?'],
  [{limits: {depth: 0}}, 'remote: option limits takes numbers above 0'],
  [{limits: null}, 'remote: option limits takes numbers above 0'],
  [{timeout: -1}, 'remote: option timeout takes a number of ms above 0'],
  [{handlers: {}}, 'remote: option handlers takes an array'],
  [{allow: true}, 'remote: option allow takes a function'],
  [{stacks: 'no'}, 'remote: option stacks takes true or false'],
  [{autoTransfer: {}}, 'remote: option autoTransfer takes true, false or {minBytes}'],
  [{signal: new AbortController()}, 'remote: option signal takes an AbortSignal'],
  [{name: 1}, 'remote: option name takes a string']
];

describe('wrong options of remote connections', () => {
  let ports: MessageChannel;

  beforeEach(() => { ports = new MessageChannel(); });
  afterEach(() => ports.port1.close());

  for (const [options, says] of WRONG) {
    it(`are refused by wrap and expose: ${JSON.stringify(options)}`, () => {
      expect(refusal(() => wrap(ports.port1, options as RemoteOptions))).to.eql(['ERR_REMOTE_BAD_OPTION', says]);
      expect(refusal(() => expose({}, ports.port1, options as RemoteOptions))).to.eql(['ERR_REMOTE_BAD_OPTION', says]);
    });
  }

  it('are refused on an endpoint that has a connection, too', () => {
    const connection = expose({}, ports.port1);
    expect(refusal(() => wrap(ports.port1, {timeOut: 1} as RemoteOptions))).to.eql(['ERR_REMOTE_BAD_OPTION', 'remote: there is no option timeOut. Did you mean timeout?']);
    connection.close();
  });

  it('are not those that are undefined, false or empty', () => {
    const options = {name: '', timeout: undefined, stacks: false, allowEvaluate: false, autoTransfer: false, handlers: [], limits: {}, onError: undefined};
    const connection = expose({}, ports.port1, options as object as RemoteOptions);
    expect(connection.state).to.equal('connecting');
    connection.close();
  });

  it('are refused when the services of a host are loaded', () => {
    expect(refusal(() => new RunningServices(undefined as never, {timeout: 0}))).to.eql(['ERR_REMOTE_BAD_OPTION', 'remote: option timeout takes a number of ms above 0']);
  });
});
