import {startHost} from '../../lib/worker.js';

const settings = (): {types: []} => { throw new Error('this worker does not get to its host'); };

startHost(settings());
