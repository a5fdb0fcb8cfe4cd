import richText from 'rich-text';
import {startHost} from '../../../lib/worker.js';
import {types} from 'sharedb/lib/client/index.js';

types.register(richText.type);
startHost();
