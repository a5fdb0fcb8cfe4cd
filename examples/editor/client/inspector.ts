/** A page of its own that shows what the tabs and their host do, and can change nothing. */
import {joinNamespace, mountInspector} from 'sharedb-tabs/inspector';
import {element} from './page.js';

const connection = joinNamespace();
const inspector = mountInspector(connection, {parent: element('inspector')});
window.addEventListener('pagehide', () => {
  inspector.close();
  connection.close();
});
