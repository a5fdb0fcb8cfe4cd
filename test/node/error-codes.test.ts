import {readFileSync, readdirSync} from 'node:fs';
import {expect} from 'chai';
import {ERROR_CODES, TabsError, decodeError} from '../../lib/protocol/errors.js';

const HOME = 'protocol/errors.ts';
/** Sub-packages have their own codes. */
const APART = /^(remote|tasks|signals)\//;

describe('the error codes of this library', () => {
  const lib = new URL('../../lib/', import.meta.url);
  const files = readdirSync(lib, {recursive: true, encoding: 'utf8'}).map(file => file.replaceAll('\\', '/'))
    .filter(file => /\.tsx?$/.test(file) && file !== HOME && !APART.test(file));
  const code = files.map(file => readFileSync(new URL(file, lib), 'utf8')).join('\n');

  it('are all in use', () => {
    expect(Object.keys(ERROR_CODES).filter(one => !code.includes(`'${one}'`))).to.eql([]);
  });

  it('are all listed in one place, and explained', () => {
    const given = new Set(code.match(/(?<=')ERR_TABS_[A-Z_]+(?=')/g));
    expect([...given].filter(one => !(one in ERROR_CODES))).to.eql([]);
    const page = readFileSync(new URL('../docs/errors.md', lib), 'utf8');
    expect(Object.keys(ERROR_CODES).filter(one => !page.includes(`\`${one}\` |`))).to.eql([]);
    expect([...page.matchAll(/^\| `(ERR_\w+)`/gm)].map(([, one]) => one!).filter(one => !(one in ERROR_CODES))).to.eql([]);
  });

  it('are those of this library also if a later build has added them', () => {
    expect(decodeError({code: 'ERR_TABS_OF_A_LATER_BUILD', message: 'new'})).to.be.instanceOf(TabsError).with.property('help', 'sharedb-tabs/docs/errors.md#err_tabs_of_a_later_build');
    expect(decodeError({code: 'ERR_DOC_ALREADY_CREATED', message: 'of ShareDB'})).not.to.be.instanceOf(TabsError);
  });
});
