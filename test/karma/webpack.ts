import {join} from 'node:path';
import webpack from 'webpack';

/** Builds the tests, their workers, and `tab.html`: an empty page that tests open as another tab. */
export function webpackConfiguration(root: string, outDir: string): webpack.Configuration {
  return {
    mode: 'development',
    devtool: 'inline-source-map',
    context: root,
    output: {path: outDir},
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']}
    },
    module: {
      rules: [{
        // package.json describes the side effects of the built files, not those of the sources.
        test: /lib.(tasks-thread|tasks.thread.entry-browser)\.ts$/,
        sideEffects: true
      }, {
        test: /\.ts$/,
        loader: 'ts-loader',
        options: {transpileOnly: true, configFile: join(root, 'tsconfig.json'), compilerOptions: {noEmit: false, sourceMap: true}}
      }]
    },
    stats: 'errors-warnings',
    // sharedb tries to load `util`, and uses `inherits` without it.
    ignoreWarnings: [/Can't resolve 'util'/],
    plugins: [
      new webpack.EntryPlugin(root, './test/karma/tab.ts', {name: 'tab'}),
      new TabPage(),
      new EndOnErrors()
    ]
  };
}

/** karma-webpack splits every entry into these three. */
const tabScripts = ['runtime.js', 'commons.js', 'tab.js'];

class TabPage {
  apply(compiler: webpack.Compiler): void {
    const html = `<!doctype html><meta charset="utf-8"><title>A tab</title>${
      tabScripts.map(script => `<script src="${script}"></script>`).join('')}`;
    compiler.hooks.thisCompilation.tap('TabPage', compilation => {
      compilation.hooks.processAssets.tap('TabPage', () => {
        compilation.emitAsset('tab.html', new webpack.sources.RawSource(html));
      });
    });
  }
}

/** karma-webpack would continue after an error, and nobody would miss a test that was not built. */
class EndOnErrors {
  apply(compiler: webpack.Compiler): void {
    compiler.hooks.done.tap('EndOnErrors', stats => {
      if (!stats.hasErrors()) return;
      console.error(stats.toString({all: false, errors: true}));
      process.exit(1);
    });
  }
}
