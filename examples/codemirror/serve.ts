/** `npm run codemirror`: builds the page, serves it and prints its address. */
import {servePage} from '../editor/serve-page.js';
import {build} from './build.js';
import {startServer} from './server.js';

await servePage('codemirror', {build, startServer});
