/** A separate, read-only page that shows the tabs and their host. */
import {joinNamespace, mountInspector} from 'sharedb-tabs/inspector';
import {element} from './page.js';

const connection = joinNamespace();
const inspector = mountInspector(connection, {parent: element('inspector')});
// A page from the back/forward cache restarts.
window.addEventListener('pageshow', ({persisted}) => { if (persisted) location.reload(); });
window.addEventListener('pagehide', () => {
  inspector.close();
  connection.close();
});
