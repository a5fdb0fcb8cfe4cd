import {evaluate, expose, recorder} from '../../lib/remote.js';

/** The page calls this object in its worker, and the worker controls the page. */
class Helper {
  private readonly page = recorder<typeof globalThis>(self as never, {name: 'page'});

  /** A button in the page, whose clicks are counted here. */
  makeButton(): void {
    const {document} = this.page;
    const button = document.createElement('button');
    let clicks = 0;
    button.id = 'driven';
    button.onclick = () => { button.textContent = `clicked ${++clicks}`; };
    document.body.append(button);
  }

  async draw(): Promise<{width: number; height: number; type: string; pixels: number}> {
    const {document} = this.page;
    const canvas = document.createElement('canvas');
    canvas.width = 40;
    canvas.height = 30;
    canvas.getContext('2d').fillRect(0, 0, 40, 30);
    const {width, height} = (await evaluate({width: canvas.width, height: canvas.height})) as {width: number; height: number};
    const url = (await evaluate((element: HTMLCanvasElement) => element.toDataURL(), canvas)) as string;
    const data = (await evaluate((element: HTMLCanvasElement) => {
      const {data} = element.getContext('2d')!.getImageData(0, 0, 40, 30);
      return data.filter(value => value === 255).length;
    }, canvas)) as number;
    return {width, height, type: url.slice(0, 15), pixels: data};
  }

  readFile(file: File): Promise<string> {
    return file.text();
  }

  async *count(to: number): AsyncGenerator<number> {
    for (let n = 1; n <= to; n++) yield n;
  }

  async size(stream: ReadableStream<Uint8Array>): Promise<number> {
    const reader = stream.getReader();
    let bytes = 0;
    for (let item = await reader.read(); !item.done; item = await reader.read()) bytes += item.value.byteLength;
    return bytes;
  }

  fail(): never {
    throw Object.assign(new TypeError('as asked for'), {code: 'E_ASKED', cause: new RangeError('deeper')});
  }

  detached(buffer: ArrayBuffer): number {
    return buffer.byteLength;
  }

  never(): Promise<never> {
    return new Promise(() => {});
  }
}

export type {Helper};

expose(new Helper(), self as never);
