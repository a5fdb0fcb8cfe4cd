/* A host with a service, in a thread of its own, as in a shared worker. */
import {register} from 'tsx/esm/api';
import {parentPort} from 'node:worker_threads';
import Backend from 'sharedb';

register();
const {Host} = await import('../../lib/host.ts');
const {serviceSource} = await import('../../lib/services/service-source.ts');

const backend = new Backend({doNotForwardSendPresenceErrorsToClient: true});
const delay = Number(process.argv[2] ?? 0);
if (delay) backend.use('receive', (_context, next) => setTimeout(next, delay));
const host = new Host({
  connection: backend.connect(), channel: () => ({postMessage() {}, onmessage: null, close() {}}), place: 'shared-worker', store: false, mirror: false,
  services: serviceSource({bench: async ({connection}) => {
    const doc = connection.get('docs', 'one');
    await doc.subscribe();
    return {add: () => void doc.submitOp([{p: ['n'], na: 1}]), pure: (a, b) => a + b};
  }}),
  onOpen: () => parentPort.postMessage('ready')
});
parentPort.on('message', message => {
  if (message.hello) host.admit(message.hello, message.port);
  else message.echo.on('message', data => message.echo.postMessage(data));
});
