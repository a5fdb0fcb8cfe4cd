import {startHost} from '../../../lib/worker.js';

startHost();
