/** The end of this turn of the event loop, without a timer's delay: messages of workers and sockets come in. For pages. */
export function turn(): Promise<void> {
  return new Promise(resolve => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
