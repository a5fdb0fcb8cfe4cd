import {Tinypool} from 'tinypool';
import * as functions from './functions.mjs';

export const {empty, increment, spin, loop} = functions;
export const echo = buffer => Tinypool.move(buffer);
