/** The host of all tabs. It keeps the board, and needs no server for that. */
import {startHost} from 'sharedb-tabs/worker';

startHost();
