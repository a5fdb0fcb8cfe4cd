import {connectionOf, expose, recorder} from '../../../lib/remote.js';
import {fillList} from './dom-operations.js';

const page = recorder<typeof globalThis>(self as never, {name: 'page'});

export class Driver {
  async fill(turns: number, perTurn: number): Promise<void> {
    const {document} = page as unknown as {document: Document};
    const list = document.getElementById('list')!;
    for (let turn = 0; turn < turns; turn++) {
      fillList(document, list, perTurn);
      await undefined;
    }
    await connectionOf(page as never).flush();
  }
}

expose(new Driver(), self as never);
