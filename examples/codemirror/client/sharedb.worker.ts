/** The one place that speaks to the server, for all tabs. */
import * as json1 from 'ot-json1';
import {startHost} from 'sharedb-tabs/worker';

startHost({types: [json1.type]});
