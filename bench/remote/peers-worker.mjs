import {register} from 'tsx/esm/api';
import {parentPort} from 'node:worker_threads';
import * as comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import {newMessagePortRpcSession, RpcTarget} from 'capnweb';

register();
const {expose} = await import('../../lib/remote.ts');
class Service extends RpcTarget {
  add(a, b) {
    return a + b;
  }
  echo(value) {
    return value;
  }
  call(f) {
    return f(1);
  }
}
parentPort.on('message', ([name, port]) => {
  if (name === 'remote') expose(new Service(), port);
  else if (name === 'comlink') comlink.expose(new Service(), nodeEndpoint(port));
  else newMessagePortRpcSession(port, new Service());
});
parentPort.postMessage('ready');
