import {expect} from 'chai';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {requirePrograms} from '../../examples/scale-out/programs.js';

const isDebianRoot = process.getuid?.() === 0 && /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '');

describe('the programs that the deployment needs', () => {
  const variables = ['PATH', 'POSTGRES_BIN_DIR', 'REDIS_BIN_DIR'];
  let before: Record<string, string | undefined>;
  let folder: string;

  beforeEach(() => {
    before = Object.fromEntries(variables.map(name => [name, process.env[name]]));
    folder = mkdtempSync(join(tmpdir(), 'programs-'));
    for (const name of variables) delete process.env[name];
    process.env['PATH'] = folder;
  });

  afterEach(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(folder, {recursive: true});
  });

  const write = (name: string, script: string): void => writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, {mode: 0o755});
  const path = (name: string): string => join(folder, name);
  /** In place of Debian's, which would change this machine. It notes what it was called with. */
  const writeApt = (onInstall: string): void => write('apt-get', `echo "$1" >> ${path('calls')}\nif [ "$1" = install ]; then :; ${onInstall}\nfi`);
  const calls = (): string => (existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8') : '');

  it('are found in PATH, and in the folder that a variable names', () => {
    write('valkey-server', '');
    expect(requirePrograms('redis')).to.eql({redis: path('valkey-server')});
    write('redis-server', '');
    expect(requirePrograms('redis')).to.eql({redis: path('redis-server')});
    process.env['PATH'] = '/nowhere';
    process.env['REDIS_BIN_DIR'] = folder;
    expect(requirePrograms('redis')).to.eql({redis: path('redis-server')});
  });

  it('are not installed if a variable names a folder without them', () => {
    writeApt('');
    process.env['POSTGRES_BIN_DIR'] = '/nowhere';
    expect(() => requirePrograms('initdb', 'postgres')).to.throw('POSTGRES_BIN_DIR is /nowhere, which has no program initdb');
    process.env['REDIS_BIN_DIR'] = '/nowhere';
    expect(() => requirePrograms('redis')).to.throw('REDIS_BIN_DIR is /nowhere, which has no program redis-server or valkey-server');
    expect(calls()).to.equal('');
  });

  it('are installed with apt-get if this process is root on Debian; otherwise the error names what to install', () => {
    writeApt(`echo > ${path('redis-server')}; /bin/chmod +x ${path('redis-server')}`);
    if (isDebianRoot) {
      expect(requirePrograms('redis')).to.eql({redis: path('redis-server')});
      expect(calls()).to.equal('update\ninstall\n');
    } else {
      expect(() => requirePrograms('redis')).to.throw('On Debian: apt-get install redis-server');
      expect(calls()).to.equal('');
    }
  });

  it('are reported with what to install if apt-get fails', () => {
    write('apt-get', 'exit 100');
    const advice = 'This needs Redis (or REDIS_BIN_DIR, the folder of its programs). On Debian: apt-get install redis-server';
    expect(() => requirePrograms('redis')).to.throw(isDebianRoot ? `${advice}. apt-get update ended with 100.` : advice);
  });
});
