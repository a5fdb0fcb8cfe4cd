import {expose, Transfer} from 'threads/worker';
import * as functions from './functions.mjs';

expose({...functions, echo: buffer => Transfer(buffer, [buffer])});
