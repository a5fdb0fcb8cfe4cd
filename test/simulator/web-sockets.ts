import {BorrowedGlobals} from './borrowed-globals.js';
import type {Process} from './machine.js';
import type {Page} from './page.js';
import {WebLine} from './web-line.js';
import type {World} from './world.js';

interface Close {
  code: number;
  reason: string;
}

/** The WebSockets of a walk whose hosts use `connectToServer`, as in a browser. */
export class WebSockets {
  private readonly globals: BorrowedGlobals;
  private readonly lines = new Map<string, WebLine>();
  /** The closings so far, as texts. */
  private readonly closes = new Set<string>();
  /** The last closing that each page got, as a text. */
  private readonly told = new Map<Page, string>();
  private isMute = false;
  /** The host that has begun last. */
  private process: Process | undefined;

  constructor(private readonly world: World) {
    this.globals = new BorrowedGlobals(world.machine, world.random);
  }

  /** Runs a walk. */
  during<Result>(act: () => Promise<Result>): Promise<Result> {
    return this.globals.during(() => this.process, url => this.lines.get(decodeURIComponent(url.split('/').at(-1)!))!, act);
  }

  /** Makes a host's connection. */
  line(process: Process): WebLine {
    const {world: {server, machine}, globals} = this;
    this.process = process;
    const line = new WebLine(server, machine.agenda, process, () => globals.tellOnline());
    line.isMute = this.isMute;
    this.lines.set(process.name, line);
    return line;
  }

  /** Checks that the page gets only closings that the server has made. */
  open(page: Page): void {
    const {world: {ledger}} = this;
    const {connection, name} = page;
    connection.on('state', ((state: string, reason: unknown) => {
      if (state !== 'disconnected' || typeof reason !== 'object' || !reason) return;
      const {code, reason: text} = reason as Close;
      this.told.set(page, `${code} ${text}`);
      if (!OWN.has(code) && !this.closes.has(`${code} ${text}`)) ledger.problem(`${name} hears of a closing with ${code} '${text}', which nobody has sent`);
    }) as never);
  }

  /** At the end the server closes the connection with a reason, which all tabs get, and the host opens it again. */
  async judge(): Promise<void> {
    const {world, world: {ledger, pages}} = this;
    this.current!.close(4401, 'token expired');
    this.closes.add('4401 token expired');
    await world.rest();
    for (const page of pages) {
      if (this.told.get(page) !== '4401 token expired') ledger.problem(`${page.name} is not told why the server has closed the connection`);
      if (page.connection.state !== 'connected') ledger.problem(`${page.name} is ${page.connection.state} after the server has closed the connection`);
    }
  }

  endByServer(): Close | undefined {
    const close = this.current?.endByServer(this.world.random);
    if (close) this.closes.add(`${close.code} ${close.reason}`);
    return close;
  }

  goSilent(): void {
    this.current?.goSilent();
  }

  /** New connections are opened, and the server sends nothing over them. */
  beMute(): void {
    this.isMute = true;
    if (this.current) this.current.isMute = true;
  }

  speak(): void {
    this.isMute = false;
    if (this.current) this.current.isMute = false;
  }

  private get current(): WebLine | undefined {
    return this.world.election.current?.line as WebLine | undefined;
  }
}

/** The codes of lost networks, and of WebSockets that a host gives up itself. */
const OWN = new Set([1006, 4408]);
