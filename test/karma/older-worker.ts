import {startHost} from '../../lib/worker.js';

startHost({build: '2026.9'});
