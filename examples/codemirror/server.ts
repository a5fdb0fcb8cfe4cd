/** The example editor's server, with the type json1 in addition. */
import * as json1 from 'ot-json1';
import ShareDB from 'sharedb';

ShareDB.types.register(json1.type);

export {startServer, type EditorServer} from '../editor/server.js';
