/**
 * Lets a test block this worker's thread, as an endless loop in the app's code would, or end the worker. A synchronous request
 * blocks it until the server answers. Firefox runs an event loop of its own meanwhile, so there a real loop blocks it for some time.
 */
export function letBlock(): void {
  const {name = ''} = globalThis as {name?: string};
  const commands = new BroadcastChannel(blockChannel(name));
  commands.onmessage = ({data}: MessageEvent<unknown>) => {
    if (data === END) (globalThis as unknown as {close(): void}).close();
    // Workers of one name receive each other's messages.
    if (!isBlock(data)) return;
    // The lock is free as soon as the worker goes on, or is terminated.
    void navigator.locks.request(blockChannel(name), {mode: 'shared'}, () => {
      commands.postMessage('blocked');
      if (typeof data.block === 'number') {
        const end = performance.now() + data.block;
        while (performance.now() < end);
        return;
      }
      const request = new XMLHttpRequest();
      request.open('GET', data.block, false);
      request.send();
    });
  };
}

export const END = 'end';

/** Asks to block the thread until this URL is answered, or for so many ms. */
export interface Block {
  block: string | number;
}

const isBlock = (data: unknown): data is Block => ['string', 'number'].includes(typeof (data as Partial<Block> | undefined)?.block);

/** Also the name of the lock. @param name of the worker: the tests call it after the namespace */
export const blockChannel = (name: string): string => `block ${name}`;
