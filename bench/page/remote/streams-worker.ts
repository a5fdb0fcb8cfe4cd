import {expose} from '../../../lib/remote.js';

async function sizeOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stream.getReader();
  let size = 0;
  for (let item = await reader.read(); !item.done; item = await reader.read()) size += item.value.byteLength;
  return size;
}

export interface StreamReader {
  size(stream: ReadableStream<Uint8Array>): Promise<number>;
}

expose({size: sizeOf} satisfies StreamReader, self as never, {name: 'calls'});

self.addEventListener('message', async ({data}: MessageEvent<{stream?: ReadableStream<Uint8Array>; port: MessagePort}>) => {
  if (data.stream) data.port.postMessage(await sizeOf(data.stream));
});
