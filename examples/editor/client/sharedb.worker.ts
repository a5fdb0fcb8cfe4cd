/** The only connection to the server, for all tabs. */
import richText from 'rich-text';
import {startHost} from 'sharedb-tabs/worker';

// `allowFaults` lets anybody who opens the inspector kill this worker. An app should set it in development builds only.
startHost({types: [richText.type], allowFaults: true});
