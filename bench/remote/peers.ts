import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const folder = fileURLToPath(new URL('./peers', import.meta.url));

export interface PeerFiles {
  /** The name by which the page knows it. */
  name: string;
  /** The first part of the names of its files in `bench/page/remote`. */
  file: string;
  extension: '.ts' | '.mjs';
  /** Whether it can pass functions. */
  callbacks: boolean;
  /** Whether it can also be measured with the page's elements. */
  hasDom: boolean;
}

/** The libraries that are compared, as far as they are installed: see the README. */
export function peers(): PeerFiles[] {
  const peer = (name: string, file = name, extension: PeerFiles['extension'] = '.ts'): PeerFiles => 
    ({name, file, extension, callbacks: file !== 'bare' && name !== 'coincident', hasDom: name === 'coincident'});
  return [
    peer('bare messages', 'bare'), peer('sharedb-tabs', 'ours'), peer('comlink'), peer('capnweb'),
    ...(existsSync(join(folder, 'node_modules/coincident')) ? [peer('coincident', 'coincident', '.mjs')] : []),
    ...(supertalkFolder() ? [peer('supertalk', 'supertalk', '.mjs')] : [])
  ];
}

/** A clone of supertalk's repository, which is not in npm's registry. */
export const supertalkFolder = (): string | undefined => process.env['SUPERTALK'];

/** Settings of webpack that find the peers. */
export function peerResolution(): {modules: string[]; alias: Record<string, string>} {
  const supertalk = supertalkFolder();
  return {
    modules: ['node_modules', join(folder, 'node_modules')],
    alias: supertalk ? {'@supertalk/core$': join(supertalk, 'packages/core/src/index.ts')} : {}
  };
}

/** The scripts of the page and of its workers, by their names in the built folder. */
export function remoteEntries(source: string): Record<string, string> {
  const entry = (name: string, extension = '.ts'): [string, string][] => [[`remote-${name}`, join(source, name + extension)]];
  return Object.fromEntries([
    ...entry('main'), ...entry('streams-worker'), ...entry('dom-worker'),
    ...peers().flatMap(({file, extension, hasDom}) => [file, `${file}-worker`, ...(hasDom ? [`${file}-dom`, `${file}-dom-worker`] : [])].flatMap(name => entry(name, extension)))
  ]);
}

/** The scripts that the page loads. */
export const pageScripts = (): string[] => ['main', ...peers().flatMap(({file, hasDom}) => (hasDom ? [file, `${file}-dom`] : [file]))].map(name => `remote-${name}`);
