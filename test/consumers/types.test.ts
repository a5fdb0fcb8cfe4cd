import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createApp, runBin} from './package.js';
import {typedApp} from './typed-app.js';

const projects = {
  'a browser app with moduleResolution bundler': {
    module: 'esnext', moduleResolution: 'bundler', types: [], skipLibCheck: true
  },
  // Checks our declarations too. Those of sharedb speak of Node's streams and events.
  'a strict project with moduleResolution node16': {
    module: 'node16', moduleResolution: 'node16', types: ['node'], skipLibCheck: false
  }
};

describe('an app in TypeScript', function () {
  this.timeout(240_000);
  let app: string;

  before(async () => {
    app = await createApp('typed-app', []);
    await writeFile(join(app, 'app.ts'), typedApp);
  });

  for (const [title, options] of Object.entries(projects)) {
    it(`compiles as ${title}`, async () => {
      await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
        compilerOptions: {...options, target: 'es2022', lib: ['es2022', 'dom'], strict: true, noEmit: true},
        files: ['app.ts']
      }));
      await runBin(app, 'tsc', []);
    });
  }
});
