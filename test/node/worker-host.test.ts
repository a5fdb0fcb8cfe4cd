import {MessageChannel} from 'node:worker_threads';
import {expect} from 'chai';
import Backend from 'sharedb';
import type {WorkerGreeting} from '../../lib/connect/worker-messages.js';
import {startHost} from '../../lib/worker.js';
import {until} from '../waiting/until.js';
import {PortedConnection} from './ported-connection.js';

interface WorkerScope {
  onconnect?: ((event: {ports: MessagePort[]}) => void) | null;
}

/** This process takes the part of the worker, without Web Locks. */
describe('the script of a shared worker', () => {
  const scope = globalThis as WorkerScope;
  const connections: PortedConnection[] = [];
  let backend: Backend;

  beforeEach(() => {
    backend = new Backend();
    scope.onconnect = null;
    startHost({connect: () => backend.connect(), store: false});
  });

  afterEach(() => {
    delete scope.onconnect;
    for (const connection of connections.splice(0)) connection.close();
  });

  /** A page's end of the worker's port, and a connection that greets there. */
  function connect(namespace: string): {worker: MessagePort; connection: PortedConnection; attempts: number[]} {
    const {port1, port2} = new MessageChannel() as unknown as {port1: MessagePort; port2: MessagePort};
    scope.onconnect!({ports: [port2]});
    const attempts: number[] = [];
    const connection = new PortedConnection({namespace}, hello => {
      const ends = new MessageChannel() as unknown as {port1: MessagePort; port2: MessagePort};
      attempts.push(hello.attempt);
      port1.postMessage({type: 'sharedb-tabs:hello', namespace, hello}, [ends.port2]);
      return ends.port1;
    });
    connections.push(connection);
    return {worker: port1, connection, attempts};
  }

  const greetingFor = (namespace: string): WorkerGreeting => (
    {type: 'sharedb-tabs', namespace, url: undefined, store: undefined, needsToken: false, steal: false, after: 0}
  );

  it('keeps a greeting until its host is there, and welcomes the next one at once', async () => {
    const first = connect('kept greetings');
    const doc = first.connection.get('notes', 'one');
    const whenSubscribed = doc.subscribe();
    const whenCreated = doc.create({list: [0]});
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(first.connection.hostState).to.equal('connecting');
    first.worker.postMessage(greetingFor('kept greetings'));
    await Promise.all([whenSubscribed, whenCreated]);
    const second = connect('kept greetings');
    const same = second.connection.get('notes', 'one');
    await same.subscribe();
    expect(same.data).to.eql({list: [0]});
    expect([first.attempts, second.attempts]).to.eql([[1], [1]]);
    first.worker.close();
    second.worker.close();
  });

  it('does so for each namespace', async () => {
    const [one, other] = [connect('one namespace'), connect('another namespace')];
    other.worker.postMessage(greetingFor('another namespace'));
    await until('its host is there', () => other.connection.hostState === 'connected');
    expect(one.connection.hostState).to.equal('connecting');
    one.worker.postMessage(greetingFor('one namespace'));
    await until('and the other one\'s', () => one.connection.hostState === 'connected');
    one.worker.close();
    other.worker.close();
  });
});
