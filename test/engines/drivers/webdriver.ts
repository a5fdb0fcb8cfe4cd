import {protocolTimeout} from './driver.js';

type Method = 'GET' | 'POST' | 'DELETE';

/** A command that was refused; `code` is one of the W3C's names, such as `no such window`. */
export class WebDriverError extends Error {
  constructor(readonly code: string, message: string) {
    super(`${code}: ${message}`);
  }
}

/** W3C WebDriver: one HTTP request for each command. https://www.w3.org/TR/webdriver2/ */
export async function command(url: string, method: Method, path: string, body: object = {}): Promise<unknown> {
  const response = await fetch(url + path, {
    method, signal: AbortSignal.timeout(protocolTimeout), ...(method === 'POST' && {body: JSON.stringify(body)})
  });
  const {value} = await response.json() as {value: unknown};
  if (response.ok) return value;
  const {error, message} = value as {error: string; message: string};
  throw new WebDriverError(error, message || `no reason given, at ${method} ${path}`);
}

/** A browser that a driver has started. Commands go to one window at a time, so those for different ones take turns. */
export class WebDriverSession {
  #turn: Promise<unknown> = Promise.resolve();
  #current = '';
  /** Whether the driver has given the browser up. */
  isOver = false;

  static async start(url: string): Promise<WebDriverSession> {
    const {sessionId} = await command(url, 'POST', '/session', {
      capabilities: {alwaysMatch: {timeouts: {script: protocolTimeout}}}
    }) as {sessionId: string};
    return new WebDriverSession(url, `/session/${sessionId}`);
  }

  private constructor(private readonly url: string, private readonly path: string) {}

  /** A command to the session. */
  send(method: Method, path: string, body?: object): Promise<unknown> {
    return this.#inTurn(() => command(this.url, method, this.path + path, body));
  }

  /** Commands to a window, with none to another one in between. */
  sendTo(handle: string, ...commands: [method: Method, path: string, body?: object][]): Promise<unknown> {
    return this.#inTurn(async () => {
      if (this.#current !== handle) {
        this.#current = '';
        await command(this.url, 'POST', `${this.path}/window`, {handle});
        this.#current = handle;
      }
      let answer: unknown;
      for (const [method, path, body] of commands) answer = await command(this.url, method, this.path + path, body);
      return answer;
    });
  }

  /** Called when the current window is gone, so that the next command selects one. */
  forgetCurrent(): void {
    this.#current = '';
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(error => {
      // An error that is not an answer of the driver is a time-out, or the driver's end.
      const isEnd = error instanceof WebDriverError ? error.code === 'invalid session id' : error instanceof TypeError;
      if (isEnd) this.isOver = true;
    });
    return result;
  }
}
