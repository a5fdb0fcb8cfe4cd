import {expect} from 'chai';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {Application, LogLevel, TSConfigReader, Logger, TypeDocReader} from 'typedoc';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the API reference that is made of the docstrings', function () {
  this.timeout(240_000);

  it('has a text for every export and each of its members, no link that leads nowhere, and names no type that can\'t be imported', async () => {
    const app = await Application.bootstrap({options: join(root, 'typedoc.json'), logLevel: LogLevel.Warn}, [new TypeDocReader(), new TSConfigReader()]);
    const told: string[] = [];
    app.logger = new (class extends Logger {
      override log = (message: string): void => void told.push(message);
    })();
    const project = await app.convert();
    expect(project, told.join('\n')).to.be.an('object');
    app.validate(project!);
    // The type of a property has a constructor signature, as in `State: new () => StateLike`: the property has the text.
    const serious = told.filter(message => /^(?!\S+\.__type \(ConstructorSignature\)).*does not have any documentation/.test(message) ||
      /failed to resolve link|is referenced by .* but not included|links to .* not included/i.test(message));
    expect(serious).to.eql([]);
  });
});
