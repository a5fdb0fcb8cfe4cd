import {WorkerPool} from 'sharedb-tabs/tasks';

/** A pool in a shared worker. It reports the error of its task. */
addEventListener('connect', event => {
  const [port] = (event as MessageEvent).ports as MessagePort[];
  new WorkerPool({size: 1}).execute(() => 'ran').then(
    value => port!.postMessage({value}), ({code, cause}: {code: string; cause?: Error}) => port!.postMessage({code, cause: cause?.message})
  );
});
