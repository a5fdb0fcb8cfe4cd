import {NOT_LOADED, type WorkerTrouble} from './worker-trouble.js';

/** Time limit for the request of the script, in ms. */
const FETCH_MS = 5000;

/**
 * Examines the script of a worker that has not answered, if the browser has reported no error. A script that contains neither an
 * import nor this library causes no `error` event. On a busy machine Chromium 156 loses about 3 in 100 `error` events of scripts
 * that can't be loaded.
 * @returns why the script can't start a host; undefined if that is not known
 */
export async function findUnreportedTrouble(create: () => SharedWorker): Promise<WorkerTrouble | undefined> {
  const script = scriptOf(create);
  const found = script && await load(script.url);
  if (!found) return undefined;
  if (!found.ok || !isScript(found.type)) return NOT_LOADED;
  return /sharedb-tabs|import/.test(found.text) ? undefined : {kind: 'idle', reason: 'The worker\'s script does not call startHost()'};
}

/** Describes the cause of a shared worker's failure, and the remedy. */
export async function causeOf(create: () => SharedWorker, {kind, reason}: WorkerTrouble): Promise<string> {
  const script = kind === 'page' || kind === 'refusal' || kind === 'script' ? undefined : scriptOf(create);
  if (!script) return reason;
  const {url, isModule} = script;
  const found = await load(url);
  if (found && !found.ok) return `${url} answers with status ${found.status}: check the path, and whether the bundler builds this file`;
  if (found && !isScript(found.type)) {
    return `${url} is served as ${found.type || 'nothing'} and not as JavaScript: usually this is the page that the server returns for unknown paths. ` +
      'Check the path, and whether the bundler builds this file';
  }
  if (kind !== 'load') return `${reason} (${url}). Call startHost() of sharedb-tabs/worker in that script, once and before any await`;
  if (found && !isModule && isModuleSource(found.text)) {
    return `${url} is a module but is started as a classic script: pass {type: 'module'} to new SharedWorker()`;
  }
  return `${url} or one of its imports could not be loaded or parsed: open it in a tab and look for errors there`;
}

const isScript = (type: string): boolean => /javascript|ecmascript/.test(type);

/** Whether the source has a statement that begins with `import` or `export`, in the usual forms. */
const isModuleSource = (text: string): boolean => /(^|[\n;}])\s*(import\s*["'{*\w]|export\s*[{*\w])/.test(text);

async function load(url: string): Promise<{ok: boolean; status: number; type: string; text: string} | undefined> {
  try {
    const response = await fetch(url, {signal: AbortSignal.timeout(FETCH_MS)});
    return {ok: response.ok, status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text()};
  } catch {
    // The page is offline, the script has another origin, or the page's Content Security Policy forbids the request.
    return undefined;
  }
}

class Asked extends Error {}

/**
 * Returns the arguments with which the app creates its worker. To get them, the app's function is called while a recording
 * constructor replaces `SharedWorker`. The replacement lasts for this synchronous call, and is made only for a worker that has
 * failed or has not answered.
 */
function scriptOf(create: () => SharedWorker): {url: string; isModule: boolean} | undefined {
  const real = Object.getOwnPropertyDescriptor(globalThis, 'SharedWorker');
  let script: {url: string; isModule: boolean} | undefined;
  class Recorder {
    constructor(url: string | URL, options?: string | {type?: string}) {
      const base = typeof document === 'undefined' ? undefined : document.baseURI;
      script = {url: new URL(url, base).href, isModule: typeof options === 'object' && options.type === 'module'};
      throw new Asked();
    }
  }
  try {
    Object.defineProperty(globalThis, 'SharedWorker', {value: Recorder, configurable: true, writable: true});
    create();
  } catch {
    // The recorder always throws, and the app's function may throw.
  } finally {
    if (real) Object.defineProperty(globalThis, 'SharedWorker', real);
  }
  return script;
}
