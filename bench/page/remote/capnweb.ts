import {newMessagePortRpcSession} from 'capnweb';
import {nestedChain, startWorker} from './peer.js';
import type {Service} from './service.js';

globalThis.peers['capnweb'] = {
  connect(script) {
    // It takes no Worker.
    const {port1, port2} = new MessageChannel();
    startWorker(script).postMessage(port2, [port2]);
    return newMessagePortRpcSession(port1) as unknown as Service;
  },
  chain: nestedChain
};
