import {proxy, wrap} from 'comlink';
import {startWorker} from './peer.js';
import type {Service} from './service.js';

globalThis.peers['comlink'] = {
  connect: script => wrap<Service>(startWorker(script)) as unknown as Service,
  callback: callback => proxy(callback)
};
