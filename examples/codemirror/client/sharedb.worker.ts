/** The host of all tabs. It has the only connection to the server. */
import * as json1 from 'ot-json1';
import {startHost} from 'sharedb-tabs/worker';

startHost({types: [json1.type]});
