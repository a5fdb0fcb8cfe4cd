import richText from 'rich-text';
import {startHost} from 'sharedb-tabs/worker';

startHost({types: [richText.type]});
