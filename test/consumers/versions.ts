/** The packages that consumers install in addition. Pinned, so that a failing build means a change of this library. */
export const versions = {
  sharedb: 'sharedb@7.0.0',
  richText: 'rich-text@4.1.0',
  webpack: 'webpack@5.112.2',
  webpackCli: 'webpack-cli@7.3.1',
  webpackDevServer: 'webpack-dev-server@5.2.7',
  vite: 'vite@8.3.8',
  esbuild: 'esbuild@0.28.2',
  rollup: ['rollup@4.68.5', '@rollup/plugin-node-resolve@16.0.3', '@rollup/plugin-commonjs@29.0.3'],
  vue: ['vue@3.5.45', '@vitejs/plugin-vue@6.0.11'],
  svelte: ['svelte@5.57.3', '@sveltejs/vite-plugin-svelte@7.3.1'],
  next: 'next@16.4.6',
  bindings: ['quill@2.0.3', 'sharedb-string-binding@1.0.0', 'reconnecting-websocket@4.4.0'],
  react18: ['react@18.3.1', 'react-dom@18.3.1'],
  react19: ['react@19.3.1', 'react-dom@19.3.1'],
  typescript: 'typescript@5.9.3',
  signals: 'signal-polyfill@0.2.2',
  reactTypes: ['react@19.3.1', '@types/react@19'],
  nodeTypes: '@types/node@20.19.43',
  mingo: 'mingo@7.2.7',
  publint: 'publint@0.3.25',
  attw: '@arethetypeswrong/cli@0.18.5'
};
