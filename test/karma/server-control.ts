import type {Sockets} from '../server/sharedb-server.js';

interface Settings {
  url: string;
  control: string;
  tabPage: string;
  seed?: string;
}

declare global {
  interface Window {
    __karma__: {config: {sharedb: Settings}};
  }
}

/** What test/karma/configuration.ts tells the page. */
export const settings = window.__karma__.config.sharedb;

/** Sockets that the server has for a path. */
export function sockets(path: string): Promise<Sockets> {
  return command(`/status?path=${encodeURIComponent(path)}`) as Promise<Sockets>;
}

export async function stopServer(): Promise<void> {
  await command('/stop');
}

export async function startServer(): Promise<void> {
  await command('/start');
}

/** A request to this URL is answered after `release`. */
export const holdUrl = (name: string): string => `${settings.control}/hold?name=${name}`;

export async function release(name: string): Promise<void> {
  await command(`/release?name=${name}`);
}

async function command(path: string): Promise<unknown> {
  const response = await fetch(settings.control + path);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}
