import {startHost} from 'sharedb-tabs/worker';
import {authorize} from './authorize.js';

startHost({authorize});
