import {exposeToAll} from '../../lib/remote.js';

/** A shared worker that ends itself, as no page can. */
const service = {
  add: (a: number, b: number): number => a + b,
  never: (): Promise<never> => new Promise(() => {}),
  end: (): void => self.close()
};

export type Service = typeof service;

exposeToAll(service);
