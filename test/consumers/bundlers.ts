import {copyFile} from 'node:fs/promises';
import {join} from 'node:path';
import {runBin} from './package.js';
import {type Site, serveFolder, serveWith} from './serve.js';

export interface Bundler {
  title: string;
  /** Builds the app in a folder and serves the result. */
  serve(app: string): Promise<Site>;
}

/** Each as it comes: no configuration file, no polyfill, no plugin. */
export const bundlers: Bundler[] = [
  {
    title: 'webpack 5',
    serve: async app => {
      await runBin(app, 'webpack', ['--mode', 'production', '--entry', './main.js']);
      return serveDist(app);
    }
  },
  {
    title: 'Vite',
    serve: async app => {
      await runBin(app, 'vite', ['build']);
      return serveFolder(join(app, 'dist'));
    }
  },
  {
    title: "Vite's development server",
    serve: app => serveWith(app, 'vite', ['--host', '127.0.0.1', '--port', '0'])
  },
  {
    // It does not follow `new URL('…worker.js', import.meta.url)`: the worker is an entry of its own.
    title: 'esbuild',
    serve: async app => {
      await runBin(app, 'esbuild', ['main.js', 'sharedb.worker.js', '--bundle', '--format=esm', '--outdir=dist']);
      return serveDist(app);
    }
  }
];

/** Only Vite builds the page too. */
async function serveDist(app: string): Promise<Site> {
  await copyFile(join(app, 'index.html'), join(app, 'dist', 'index.html'));
  return serveFolder(join(app, 'dist'));
}
