import coincident from 'coincident/window/worker';
import {fillList} from './dom-operations.js';

const {proxy, window: {document}} = await coincident();

proxy.fill = (turns, perTurn) => {
  const list = document.getElementById('list');
  for (let turn = 0; turn < turns; turn++) fillList(document, list, perTurn);
};
