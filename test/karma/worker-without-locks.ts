import {startHost} from '../../lib/worker.js';
import {letBlock} from './block.js';

/** As in a page that was not loaded over HTTPS. */
Object.defineProperty(navigator, 'locks', {value: undefined});
letBlock();
startHost();
