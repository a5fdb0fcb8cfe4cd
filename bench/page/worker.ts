import {startHost} from '../../lib/worker.js';
import {openBareStore, put} from './bare-store.js';
import {CountingStorage} from './counting-storage.js';
import {answerQuestions} from './side-door.js';

const {name} = globalThis as unknown as {name: string};
const storage = new CountingStorage();
startHost({store: {storage, durability: name.endsWith('written') ? 'written' : 'delayed'}});

let bare: ReturnType<typeof openBareStore> | undefined;

answerQuestions(name, async question => {
  switch (question.ask) {
    case 'echo':
      return undefined;
    case 'put':
      return put(await (bare ??= openBareStore(name)), 'in the worker', question.n, question.record);
    case 'counts':
      return storage.counts;
    default:
      return question satisfies never;
  }
});
