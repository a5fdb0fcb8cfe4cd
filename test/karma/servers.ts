import {type ControlServer, startControlServer} from '../server/control-server.js';
import {type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';

export interface Servers {
  shareDB: ShareDBServer;
  control: ControlServer;
}

export async function startServers(): Promise<Servers> {
  const shareDB = await startShareDBServer();
  return {shareDB, control: await startControlServer(shareDB)};
}

interface Emitter {
  on(event: 'exit', listener: (done: () => void) => void): void;
}

/** A Karma framework, only because Karma tells frameworks of its end. */
export function serverPlugin({shareDB, control}: Servers): object {
  const closeAtExit = (emitter: Emitter) => {
    emitter.on('exit', async done => {
      await Promise.all([shareDB.close(), control.close()]);
      done();
    });
  };
  closeAtExit.$inject = ['emitter'];
  return {'framework:sharedb': ['factory', closeAtExit]};
}
