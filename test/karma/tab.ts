import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import {connect} from './connect.js';

/** The script of `tab.html`: a test opens that page and connects it from outside. */
types.register(richText.type);

declare global {
  interface Window {
    connectTab?: typeof connect;
  }
}

window.connectTab = connect;
