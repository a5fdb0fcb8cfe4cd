/** A socket for ShareDB's client, on a MessagePort. */
export class PortSocket {
  readonly readyState = 1;
  onmessage: ((event: {data: string}) => void) | null = null;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(private readonly port: MessagePort) {
    port.onmessage = ({data}: MessageEvent<string>) => this.onmessage?.({data});
  }

  send(json: string): void {
    this.port.postMessage(json);
  }

  close(): void {
    this.port.close();
  }
}
