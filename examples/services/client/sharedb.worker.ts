/** The host of all tabs, with the app's services. */
import {startHost} from 'sharedb-tabs/worker';
import {Words} from './words.js';

startHost({services: {words: host => new Words(host)}});
