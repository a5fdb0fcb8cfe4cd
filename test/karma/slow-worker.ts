import {startHost} from '../../lib/worker.js';

/** As on a slow computer: the host starts 2 s after its script. A page waits 3 s for that before it becomes the host itself. */
await new Promise(resolve => setTimeout(resolve, 2000));
startHost();
