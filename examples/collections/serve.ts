/** `npm run board`: builds the page, serves it and prints its address. */
import {servePage} from '../editor/serve-page.js';
import {startServer} from '../editor/server.js';
import {build} from './build.js';

await servePage('board', {build, startServer});
