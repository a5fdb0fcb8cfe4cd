import {expect} from 'chai';
import {createConnection, type TabConnection} from '../../lib/index.js';

/** What a page has, for a connection that starts a shared worker. */
const page = {
  window: globalThis,
  location: {href: 'https://example.org/'},
  document: Object.assign(new EventTarget(), {visibilityState: 'visible'}),
  addEventListener: () => {},
  removeEventListener: () => {},
  SharedWorker: class {}
};

describe('the shared worker of a new page', () => {
  const before = new Map<string, PropertyDescriptor | undefined>();
  const done: string[] = [];

  function define(name: string, property: PropertyDescriptor): void {
    before.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, {configurable: true, ...property});
  }

  beforeEach(() => {
    for (const [name, value] of Object.entries(page)) define(name, {value});
    define('localStorage', {get: () => {
      done.push('look into localStorage');
      return {getItem: () => null};
    }});
  });

  afterEach(() => {
    done.length = 0;
    for (const [name, property] of before) {
      if (property) Object.defineProperty(globalThis, name, property);
      else delete (globalThis as Record<string, unknown>)[name];
    }
  });

  function connect(create: () => SharedWorker): TabConnection {
    return createConnection({mode: 'shared-worker', sharedWorker: create, url: 'wss://example.org/', warn: () => {}});
  }

  const worker = (): SharedWorker => ({port: {postMessage: () => {}, close: () => {}}}) as unknown as SharedWorker;

  it('is started once, before the page reads localStorage, which takes some ms', () => {
    const connection = connect(() => {
      done.push('start the worker');
      return worker();
    });
    connection.close();
    expect(done.slice(0, 2)).to.eql(['start the worker', 'look into localStorage']);
    expect(done.filter(what => what === 'start the worker')).to.have.length(1);
  });

  it('is reported if it can\'t be started', async () => {
    const connection = connect(() => { throw new DOMException('denied', 'SecurityError'); });
    const error = await new Promise<Error>(resolve => connection.on('error', resolve as (error: unknown) => void));
    expect(error.message).to.match(/shared worker could not be started: denied/);
    connection.close();
  });
});
