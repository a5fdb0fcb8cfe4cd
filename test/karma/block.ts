/** Lets a test block this worker's thread, as an endless loop in the app's code would, or end the worker. */
export function letBlock(): void {
  const commands = new BroadcastChannel(blockChannel((globalThis as {name?: string}).name ?? ''));
  commands.onmessage = ({data}: MessageEvent<unknown>) => {
    if (data === END) (globalThis as unknown as {close(): void}).close();
    // Workers of one name receive each other's messages.
    if (typeof data !== 'number') return;
    commands.postMessage('blocked');
    const end = performance.now() + data;
    while (performance.now() < end);
  };
}

export const END = 'end';

/** @param name of the worker: the tests call it after the namespace */
export const blockChannel = (name: string): string => `block ${name}`;
