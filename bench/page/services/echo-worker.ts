(globalThis as unknown as {onconnect: unknown}).onconnect = ({ports: [port]}: {ports: MessagePort[]}) => {
  port!.onmessage = ({data}) => port!.postMessage(data);
};
