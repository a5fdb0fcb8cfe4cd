import {expect} from 'chai';
import {createConnection} from '../../lib/index.js';

describe('a connection without a server', () => {
  const scope = globalThis as {SharedWorker?: unknown; location?: unknown; window?: unknown};

  beforeEach(() => {
    scope.window = globalThis;
    scope.location = {href: 'https://example.org/'};
    scope.SharedWorker = class {
      constructor() { throw new DOMException('denied', 'SecurityError'); }
    };
  });
  afterEach(() => {
    delete scope.window;
    delete scope.location;
    delete scope.SharedWorker;
  });

  it('emits the error to listeners that are added after the call', async () => {
    const connection = createConnection({mode: 'shared-worker', sharedWorker: () => new (scope.SharedWorker as typeof SharedWorker)('')});
    const error = await new Promise<Error>(resolve => connection.on('error', resolve as (error: unknown) => void));
    expect(error.message).to.match(/shared worker could not be started: denied/);
    connection.close();
  });

  it('is not created with a url that can\'t be resolved', () => {
    expect(() => createConnection({url: 'https://[none'})).to.throw(/option url/).with.property('code', 'ERR_TABS_BAD_OPTION');
  });
});
