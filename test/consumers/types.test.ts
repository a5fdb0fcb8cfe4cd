import {expect} from 'chai';
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

  it("compiles without skipLibCheck if it has Node's types, which only the declarations of sharedb need", async () => {
    const compile = async (types: string[]): Promise<void> => {
      await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
        compilerOptions: {...projects['a browser app with moduleResolution bundler'], skipLibCheck: false, types, target: 'es2022', lib: ['es2022', 'dom'], strict: true, noEmit: true},
        files: ['app.ts']
      }));
      await runBin(app, 'tsc', []);
    };
    await compile(['node']);
    const {message} = await compile([]).then(() => new Error('it compiles'), (error: Error) => error);
    const errors = message.split('\n').filter(line => line.includes('error TS'));
    expect(errors).not.to.eql([]);
    for (const error of errors) expect(error).to.match(/node_modules\/@types\/sharedb\/.*module '(events|stream)'/);
  });

  it('is told of a misspelt option by its name, with the one that was meant', async () => {
    await writeFile(join(app, 'mistake.ts'), "import {createConnection} from 'sharedb-tabs';\ncreateConnection({url: 'wss://example.com', nameSpace: 'user'});\n");
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {...projects['a browser app with moduleResolution bundler'], target: 'es2022', lib: ['es2022', 'dom'], strict: true, noEmit: true},
      files: ['mistake.ts']
    }));
    const {message} = await runBin(app, 'tsc', []).then(() => new Error('it compiles'), (error: Error) => error);
    // TypeScript shows the last overload's error as the reason.
    const reasons = message.split('\n').filter(line => line.includes('Object literal may only specify known properties'));
    expect(reasons.at(-1)).to.include("'nameSpace' does not exist in type 'ConnectOptions'. Did you mean to write 'namespace'?");
  });
});
