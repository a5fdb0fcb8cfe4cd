import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import * as collections from '../../lib/collections.js';
import {connect} from './connect.js';

/** The script of `tab.html`: a test opens that page and connects it from outside. */
types.register(richText.type);

declare global {
  interface Window {
    connectTab?: typeof connect;
    /** Transactions run in the page whose documents they change. */
    collections?: typeof collections;
  }
}

window.connectTab = connect;
window.collections = collections;
