import {wrap} from '../../../lib/remote.js';
import {nestedChain, startWorker} from './peer.js';
import type {Service} from './service.js';

globalThis.peers['sharedb-tabs'] = {
  connect: script => wrap<Service>(startWorker(script)) as unknown as Service,
  chain: nestedChain
};
