import {startHost} from 'sharedb-tabs/worker';

startHost();
