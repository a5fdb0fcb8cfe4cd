import coincident from 'coincident/main';
import './peer.js';

const {Worker} = coincident();

globalThis.peers.coincident = {callbacks: false, connect: script => new Worker(script).proxy};
