/** The server in a process of its own, so that its CPU can be measured. `server.ts` starts and controls it. */
import type {Socket} from 'node:net';
import {startShareDBServer} from '../../test/server/sharedb-server.js';
import {delayFrames} from './delay.js';
import type {Answer, Command, Traffic} from './server.js';

let delay = 0;
/** All sockets so far, by path. */
const connections = new Map<string, Socket[]>();

const server = await startShareDBServer((webSocket, request) => {
  const path = request.url ?? '/';
  connections.set(path, [...(connections.get(path) ?? []), request.socket]);
  delayFrames(webSocket, () => delay);
});

function trafficOf(path: string): Traffic {
  const traffic: Traffic = {open: server.sockets(path).open, received: 0, sent: 0};
  for (const {bytesRead, bytesWritten} of connections.get(path) ?? []) {
    traffic.received += bytesRead;
    traffic.sent += bytesWritten;
  }
  return traffic;
}

function cpu(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'url':
      return server.url;
    case 'start':
      return server.start();
    case 'stop':
      return server.stop();
    case 'delay':
      delay = command.ms;
      return undefined;
    case 'traffic':
      return trafficOf(command.path);
    case 'cpu':
      return cpu();
    default:
      return command satisfies never;
  }
}

process.on('message', async ({n, command}: {n: number; command: Command}) => {
  const answer: Answer = await obey(command).then(value => ({n, value}), (error: unknown) => ({n, error: String(error)}));
  process.send!(answer);
});
process.once('disconnect', () => process.exit());
