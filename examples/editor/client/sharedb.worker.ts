/** The one place that speaks to the server, for all tabs. */
import richText from 'rich-text';
import {startHost} from 'sharedb-tabs/worker';

startHost({types: [richText.type]});
