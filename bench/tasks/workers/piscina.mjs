import {move} from 'piscina';
import * as functions from './functions.mjs';

export const {empty, increment, spin, loop} = functions;
export const echo = buffer => move(buffer);
