import {expect} from 'chai';
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import ShareDBError from 'sharedb/lib/error.js';
import {ERROR_CODES, helpFor, TabsError} from '../../lib/protocol/errors.js';
import {TaskError, taskTypeError} from '../../lib/tasks/errors.js';
import {RemoteError, REMOTE_ERROR_CODES} from '../../lib/remote/errors.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');

/** Codes that lib mentions and that are defined by ShareDB or Node. */
const ofOthers = new Set([...Object.keys(ShareDBError.CODES), 'ERR_WORKER_OUT_OF_MEMORY']);
/** A code of ShareDB that this library uses for its own messages, too. */
const shared = new Set(['ERR_MESSAGE_BADLY_FORMED']);

const sources = readdirSync(join(root, 'lib'), {recursive: true, encoding: 'utf8'}).filter(name => /\.tsx?$/.test(name))
  .map(name => ({name, text: readFileSync(join(root, 'lib', name), 'utf8')}));

/** Each code in lib, with a file that contains it. */
const codes = new Map<string, string>();
for (const {name, text} of sources) {
  for (const [code] of text.matchAll(/\b(?:ERR|WARN)_[A-Z]+(?:_[A-Z]+)*\b/g)) {
    if (!ofOthers.has(code) || shared.has(code)) codes.set(code, `lib/${name}`);
  }
}

const row = (code: string): string => `| <a id="${code.toLowerCase()}"></a>\`${code}\` | what happened | what is lost | what to do |`;

describe('docs/errors.md', () => {
  const rows = page.split('\n').filter(line => line.startsWith('| <a id='));
  const cellsOf = (line: string): string[] => line.split(' | ').map(cell => cell.replace(/^\| | \|$/g, '').trim());

  it('has a row for each code of lib', () => {
    const missing = [...codes].filter(([code]) => !page.includes(`| <a id="${code.toLowerCase()}"></a>\`${code}\` |`));
    expect(missing.map(([code, file]) => `docs/errors.md lacks the row of ${code} (${file}). Add: ${row(code)}`)).to.eql([]);
  });

  it('has the codes of the lists that are exported', () => {
    for (const code of [...Object.keys(ERROR_CODES), ...Object.keys(REMOTE_ERROR_CODES)]) expect([...codes.keys()]).to.include(code);
  });

  it('has no row for a code that lib does not have, and none twice', () => {
    const told = rows.map(line => /`(\w+)`/.exec(line)![1]!);
    expect(told.filter(code => !codes.has(code)).map(code => `docs/errors.md: lib has no ${code}`)).to.eql([]);
    expect(told.filter((code, index) => told.indexOf(code) !== index)).to.eql([]);
  });

  it('explains in each row what happened, what is lost and what to do', () => {
    expect(rows.filter(line => cellsOf(line).length !== 4 || cellsOf(line).some(cell => !cell))).to.eql([]);
  });

  it('is at the address that errors and warnings contain', () => {
    expect(helpFor('ERR_TABS_CLOSED')).to.equal('sharedb-tabs/docs/errors.md#err_tabs_closed');
    for (const error of [new TabsError('ERR_TABS_CLOSED', ''), new RemoteError('ERR_REMOTE_CLOSED', ''), new TaskError('ERR_TASK_TIMEOUT', ''), taskTypeError('ERR_TASK_NATIVE', '')]) {
      expect(error.help).to.equal(helpFor(error.code));
    }
    const {files} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {files: string[]};
    expect(files).to.include('docs');
  });

  it('is named by every warning of lib', () => {
    const without = sources.flatMap(({name, text}) => [...text.matchAll(/\.warn\(\s*[`']sharedb-tabs: .*/g)].map(([line]) => `lib/${name}: ${line}`));
    expect(without, 'give it a code: warning(code, text) of lib/protocol/warnings.ts').to.eql([]);
  });
});
