import {parentPort} from 'node:worker_threads';
import * as comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import * as functions from './functions.mjs';

comlink.expose({...functions, echo: buffer => comlink.transfer(buffer, [buffer])}, nodeEndpoint(parentPort));
