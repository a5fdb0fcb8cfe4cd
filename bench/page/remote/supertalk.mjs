import {wrap} from '@supertalk/core';
import {startWorker} from './peer.js';

globalThis.peers.supertalk = {connect: script => wrap(startWorker(script))};
