/**
 * Scripts that the test's server inserts before those of the editor. Pages and workers send their log messages to the server, so
 * that they are the same in every engine, and available when the page is gone.
 */

/** The URL parameters that the prelude reads. */
export const parameters = {tab: 'tab', withoutSharedWorker: 'without-shared-worker', tells: 'tells'};

/** A message on this channel ends the shared worker: only one engine has a command for that. */
export const endChannel = 'test: end the worker';

/** The path that pages and workers post their log messages to. */
export const saidPath = '/said';

/** The name of a page in log messages. @param tab its number */
export const whoIs = (tab: number | string): string => `tab ${tab}`;

/** The message of a page each time that it is shown. */
export const shownAt = (path: string): string => `shown at ${path}`;

/** One log message. */
export interface Said {
  at: number;
  who: string;
  /** Whether it is an uncaught error. */
  isFault: boolean;
  text: string;
}

const tell = `
  const tell = (isFault, text) => {
    const said = JSON.stringify({at: Date.now(), who, isFault, text});
    if (navigator.sendBeacon) navigator.sendBeacon('${saidPath}', said);
    else fetch('${saidPath}', {method: 'POST', body: said, keepalive: true}).catch(() => {});
  };
  const inWords = value => {
    if (value instanceof Error) return value.stack?.includes(value.message) ? value.stack : value + ' ' + value.stack;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };
  for (const level of ['log', 'info', 'warn', 'error']) {
    const original = console[level];
    console[level] = (...values) => {
      original.apply(console, values);
      tell(false, values.map(inWords).join(' '));
    };
  }
  addEventListener('error', ({error, message}) => tell(true, inWords(error ?? message)));
  addEventListener('unhandledrejection', ({reason}) => tell(true, inWords(reason)));`;

export const pagePrelude = `<script>(() => {
  const asked = new URLSearchParams(location.search);
  const who = '${whoIs('')}' + asked.get('${parameters.tab}');
  ${tell}
  if (asked.has('${parameters.withoutSharedWorker}')) delete globalThis.SharedWorker;
  globalThis.typeOne = character => editor.quill.insertText(editor.quill.getLength() - 1, character, 'user');
  globalThis.modesSeen = [];
  let editorOfPage;
  // Set in the turn in which the connection is made.
  Object.defineProperty(globalThis, 'editor', {
    configurable: true,
    get: () => editorOfPage ?? document.getElementById('editor'),
    set(value) {
      editorOfPage = value;
      value.connection.on('mode', (mode, reason) => {
        modesSeen.push(mode + ', ' + reason);
        if (asked.has('${parameters.tells}')) tell(false, 'mode: ' + mode + ', ' + reason);
      });
      if (!asked.has('${parameters.tells}')) return;
      const look = setInterval(() => {
        if (!value.doc?.type) return;
        clearInterval(look);
        tell(false, 'document: shown');
      }, 50);
    }
  });
  if (asked.has('${parameters.tells}')) addEventListener('message', ({data}) => { if (typeof data === 'string') typeOne(data); });
  // How often the page was shown, and whether it came from the back/forward cache.
  globalThis.shows = [];
  addEventListener('pageshow', ({persisted}) => {
    shows.push(persisted);
    tell(false, '${shownAt('')}' + location.pathname);
  });
})();</script>`;

export const workerPrelude = `(() => {
  const who = 'worker';
  ${tell}
  new BroadcastChannel('${endChannel}').onmessage = () => close();
})();\n`;

declare global {
  /** For each time that the page was shown: whether it came from the back/forward cache. */
  var shows: boolean[];
  /** The events `mode` of the page's connection, as `mode, reason`. */
  var modesSeen: string[];
  /** Types a character at the end of the text. */
  var typeOne: (character: string) => void;
}
