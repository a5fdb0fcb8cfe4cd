import {expect} from 'chai';
import {createConnection} from '../../lib/index.js';

/** Without Web Locks, and with a shared worker that starts. */
describe('a connection that finds no way to a server', () => {
  const scope = globalThis as {SharedWorker?: unknown; location?: unknown};

  beforeEach(() => {
    scope.location = {href: 'https://example.org/'};
    scope.SharedWorker = class {
      port = {postMessage: () => {}, close: () => {}};
    };
  });
  afterEach(() => {
    delete scope.location;
    delete scope.SharedWorker;
  });

  it('says so to who listens when the call is over', async () => {
    const connection = createConnection({
      url: 'https://[none', sharedWorker: () => new (scope.SharedWorker as typeof SharedWorker)(''), locks: undefined
    });
    const error = await new Promise<Error>(resolve => connection.on('error', resolve as (error: unknown) => void));
    expect(error.message).to.match(/url/i);
    connection.close();
  });
});
