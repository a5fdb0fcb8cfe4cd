import {startHost, type ServiceHost} from '../../../lib/worker.js';

export interface BenchService {
  /** Opens the document that `add` changes. */
  open(id: string): Promise<void>;
  add(): void;
  pure(a: number, b: number): number;
}

startHost({services: {
  bench({connection}: ServiceHost) {
    let doc!: ReturnType<typeof connection.get<{n: number}>>;
    return {
      async open(id) {
        doc = connection.get('bench', id);
        await doc.subscribe();
      },
      add: () => void doc.submitOp([{p: ['n'], na: 1}]),
      pure: (a, b) => a + b
    } satisfies BenchService;
  }
}});
