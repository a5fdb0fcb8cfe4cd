/** The one place that speaks to the server, for all tabs. */
import richText from 'rich-text';
import {startHost} from 'sharedb-tabs/worker';

// This is an example: whoever opens the inspector may kill this worker. An app would say so in development builds only.
startHost({types: [richText.type], allowFaults: true});
