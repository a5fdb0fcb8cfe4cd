let channel: MessageChannel | undefined;
const waiting: (() => void)[] = [];

/**
 * Resolves at the end of this turn of the event loop, without a timer's delay, so that messages of workers and sockets can
 * arrive. For pages.
 */
export function turn(): Promise<void> {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => waiting.shift()!();
  }
  const {port2} = channel;
  return new Promise(resolve => {
    waiting.push(resolve);
    port2.postMessage(null);
  });
}
