/**
 * Relays the messages between ShareDB's own client in a page and its server. It is the least that a first tab with a shared
 * worker costs. The worker's name is the server's URL.
 */
const {name: url} = globalThis as unknown as {name: string};
const socket = new WebSocket(url);

(globalThis as unknown as {onconnect: unknown}).onconnect = ({ports: [page]}: {ports: MessagePort[]}) => {
  const waiting: string[] = [];
  page!.onmessage = ({data}: MessageEvent<string>) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
    else waiting.push(data);
  };
  socket.onopen = () => waiting.splice(0).forEach(json => socket.send(json));
  socket.onmessage = ({data}: MessageEvent<string>) => page!.postMessage(data);
};
