import * as json1 from 'ot-json1';
import richText from 'rich-text';
import {startHost} from '../../../lib/worker.js';

startHost({types: [richText.type, json1.type]});
