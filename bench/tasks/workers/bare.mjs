import {parentPort} from 'node:worker_threads';

parentPort.on('message', message => parentPort.postMessage(message, message instanceof ArrayBuffer ? [message] : []));
parentPort.postMessage('ready');
