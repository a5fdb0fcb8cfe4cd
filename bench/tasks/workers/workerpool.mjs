import workerpool from 'workerpool';
import * as functions from './functions.mjs';

workerpool.worker({...functions, echo: buffer => new workerpool.Transfer(buffer, [buffer])});
