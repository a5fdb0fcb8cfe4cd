import {ThreadWorker} from 'poolifier';
import {empty, increment, spin} from './functions.mjs';

export default new ThreadWorker({empty, increment, spin});
