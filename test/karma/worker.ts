import richText from 'rich-text';
import {startHost} from '../../lib/worker.js';
import {letBlock} from './block.js';
import {services} from './counting-service.js';

letBlock();
startHost({types: [richText.type], services});
