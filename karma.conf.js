import {tsImport} from 'tsx/esm/api';

/** Karma needs a configuration in JavaScript; what it says is in test/karma/configuration.ts. */
export default async function configure(config) {
  const {configuration} = await tsImport('./test/karma/configuration.ts', import.meta.url);
  config.set(await configuration());
}
