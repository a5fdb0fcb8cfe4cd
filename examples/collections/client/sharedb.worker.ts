/** The host of all tabs. It stores the board, and needs no server for a local one. */
import {startHost} from 'sharedb-tabs/worker';

startHost();
