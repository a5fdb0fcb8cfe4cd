import {expose} from 'sharedb-tabs/tasks/thread';
import {search, split} from './versions.js';

expose({search, split});
