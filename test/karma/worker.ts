import richText from 'rich-text';
import {startHost} from '../../lib/worker.js';

startHost({types: [richText.type]});
