import type {WorkerTrouble} from './worker-trouble.js';

/** How long the script's address may take to answer, in ms. */
const FETCH_MS = 5000;

/**
 * Whether a script that can be loaded can't start a host, as it is a file without any import and without this library's code. The
 * browser tells nothing of such a script.
 */
export async function isWithoutHost(create: () => SharedWorker): Promise<boolean> {
  const script = scriptOf(create);
  const found = script && await load(script.url);
  return !!found && found.ok && !/sharedb-tabs|import/.test(found.text);
}

/** What happened to a shared worker, and what to do. */
export async function causeOf(create: () => SharedWorker, {kind, reason}: WorkerTrouble): Promise<string> {
  const script = kind === 'page' || kind === 'refusal' || kind === 'script' ? undefined : scriptOf(create);
  if (!script) return reason;
  const {url, isModule} = script;
  const found = await load(url);
  if (found && !found.ok) return `${url} answers ${found.status}: check the path, and whether the bundler builds this file`;
  if (found && !isScript(found.type)) {
    return `${url} is served as ${found.type || 'nothing'}, not as JavaScript: this is mostly the page that the server gives for unknown paths. ` +
      'Check the path, and whether the bundler builds this file';
  }
  if (kind !== 'load') return `${reason} (${url}). Call startHost() of sharedb-tabs/worker in that script, once and before any await`;
  if (found && !isModule && isModuleSource(found.text)) {
    return `${url} is a module, and is started as a classic script: pass {type: 'module'} to new SharedWorker()`;
  }
  return `${url} could not be loaded or parsed, or something that it imports: open it in a tab, and look for its errors there`;
}

const isScript = (type: string): boolean => /javascript|ecmascript/.test(type);

/** Of what bundlers and people write: a line that begins with an import or an export. */
const isModuleSource = (text: string): boolean => /(^|[\n;}])\s*(import\s*["'{*\w]|export\s*[{*\w])/.test(text);

async function load(url: string): Promise<{ok: boolean; status: number; type: string; text: string} | undefined> {
  try {
    const response = await fetch(url, {signal: AbortSignal.timeout(FETCH_MS)});
    return {ok: response.ok, status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text()};
  } catch {
    // Offline, another origin, or forbidden by the page's policy.
    return undefined;
  }
}

class Asked extends Error {}

/**
 * The arguments with which the app makes the worker. Only its function has them: it is called with a constructor in place of the
 * browser's that makes nothing. That is within one turn, and only after the worker has failed.
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
    // It ends here, or can't be made at all.
  } finally {
    if (real) Object.defineProperty(globalThis, 'SharedWorker', real);
  }
  return script;
}
