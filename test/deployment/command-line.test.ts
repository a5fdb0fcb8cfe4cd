import {expect} from 'chai';
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmodSync, mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {createServer, type AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {WebSocket} from 'ws';
import {freePort, whyNotFree} from '../../examples/scale-out/program.js';
import {Postgres} from '../../examples/scale-out/postgres.js';
import {Redis} from '../../examples/scale-out/redis.js';
import {settingsOf} from '../../examples/scale-out/settings.js';
import {PROTOCOL} from '../../examples/scale-out/sockets.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';

const script = fileURLToPath(new URL('../../examples/scale-out/serve.ts', import.meta.url));

/** The program in a process of its own. */
class Run {
  output = '';
  readonly ended: Promise<unknown[]>;

  constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', data => { this.output += data; });
    this.ended = once(child, 'close');
  }

  async says(text: string): Promise<void> {
    try {
      await until(`it says ${text}`, () => this.output.includes(text) || this.child.exitCode !== null, PATIENCE);
    } finally {
      expect(this.output).to.include(text);
    }
  }

  async type(line: string, answer: string): Promise<void> {
    this.output = '';
    this.child.stdin!.write(`${line}\n`);
    await this.says(answer);
  }
}

describe('the command line of the deployment', function () {
  this.timeout(400_000);
  const runs: Run[] = [];
  const temporary: string[] = [];

  /** In a process group of its own, as a terminal starts it. */
  function run(environment: Record<string, string>, ...args: string[]): Run {
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {env: {...process.env, ...environment}, stdio: 'pipe', detached: true});
    const started = new Run(child);
    runs.push(started);
    return started;
  }

  afterEach(async () => {
    for (const {child, ended} of runs.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    for (const folder of temporary.splice(0)) rmSync(folder, {recursive: true, force: true});
  });

  it('reads its settings from environment variables, and ignores empty ones', () => {
    expect(settingsOf([], {})).to.eql({port: 8080, databaseUrl: undefined, redisUrl: undefined, tokenSeconds: undefined});
    expect(settingsOf([], {PORT: '', DATABASE_URL: ' ', REDIS_URL: '', TOKEN_SECONDS: ''})).to.eql(settingsOf([], {}));
    const given = {DATABASE_URL: 'postgresql://user:password@host/database', REDIS_URL: 'rediss://host:6379'};
    expect(settingsOf([], {...given, PORT: '0', TOKEN_SECONDS: '1.5'})).to.eql({port: 0, databaseUrl: given.DATABASE_URL, redisUrl: given.REDIS_URL, tokenSeconds: 1.5});
  });

  it('refuses bad settings, names them, and prints no password', () => {
    for (const [name, ...bad] of [
      ['PORT', 'http', '-1', '65536', '80.5'], ['TOKEN_SECONDS', 'soon', '0', '-1', 'Infinity'],
      ['DATABASE_URL', 'mysql://user:password@host', 'host:password'], ['REDIS_URL', 'http://:password@host', 'password']
    ] as [string, ...string[]][]) {
      for (const value of bad) expect(() => settingsOf([], {[name]: value}), value).to.throw(name).with.property('message').that.does.not.include('password');
    }
    expect(() => settingsOf(['--port', '3000'], {})).to.throw('--port 3000: there are no arguments').with.property('message').that.includes('PORT=3000');
  });

  it('reports a bad setting or an occupied port in one line, before it starts anything', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const {port} = server.address() as AddressInfo;
    try {
      const [taken, bad] = [run({PORT: String(port)}), run({PORT: 'http'})];
      expect([(await taken.ended)[0], (await bad.ended)[0]]).to.eql([1, 1]);
      expect(taken.output).to.include(`The deployment could not be started: port ${port} can't be used: it is taken. Choose another one: PORT=${port + 1} npm run scale-out\n`);
      expect(bad.output).to.match(/^The deployment could not be started: PORT is http, and has to be .*$/m);
      for (const {output} of [taken, bad]) expect(output).not.to.match(/^ +at /m);
    } finally {
      server.close();
    }
  });

  for (const [title, end] of [
    ['Ctrl-C, which all processes get', ({child}: Run) => void process.kill(-child.pid!, 'SIGINT')],
    ['quit', ({child}: Run) => void child.stdin!.write('quit\n')]
  ] as const) {
    it(`ends the programs that it has started in order at ${title}: it closes sockets with 1012, and leaves no folder`, async () => {
      // Its own folder, because other tests on this machine may start deployments, too.
      const folder = mkdtempSync(join(tmpdir(), 'command-line-'));
      temporary.push(folder);
      // PostgreSQL runs under another account.
      chmodSync(folder, 0o755);
      const folders = (): string[] => readdirSync(folder).filter(name => name.startsWith('scale-out-'));
      const port = await freePort();
      const started = run({PORT: String(port), DATABASE_URL: '', REDIS_URL: '', TMPDIR: folder});
      await started.says(`http://127.0.0.1:${port}/?user=ada`);
      expect(folders().map(name => name.split('-')[2]).sort()).to.eql(['postgres', 'redis']);
      const url = `http://127.0.0.1:${port}/`;
      const cookie = (await fetch(`${url}sign-in?user=ada`, {method: 'POST'})).headers.get('set-cookie')!.split(';')[0]!;
      const token = await (await fetch(`${url}token`, {method: 'POST', headers: {cookie}})).text();
      const socket = new WebSocket(`ws://127.0.0.1:${port}/sharedb`, [PROTOCOL, token]);
      await once(socket, 'open');
      const closed = once(socket, 'close');
      started.output = '';
      end(started);
      expect((await closed)[0]).to.equal(1012);
      expect((await started.ended)[0]).to.equal(0);
      expect(started.output).to.equal('');
      expect(folders()).to.eql([]);
      expect(await whyNotFree(port)).to.equal(undefined);
    });
  }

  describe('with a database and a Redis', () => {
    let postgres: Postgres;
    let redis: Redis;
    before('start PostgreSQL and Redis', async () => {
      postgres = await Postgres.start();
      redis = await Redis.start();
    });
    after('stop them', async () => {
      await redis?.close();
      await postgres?.close();
    });

    it('accepts commands, and ends in order at SIGTERM', async () => {
      const port = await freePort();
      const started = run({PORT: String(port), DATABASE_URL: postgres.url, REDIS_URL: redis.url});
      await started.says(`http://127.0.0.1:${port}/?user=ada`);
      await started.type('nonsense', 'There is no nonsense. There is: drop');
      await started.type('postgres stop', 'not ours');
      await started.type('redis', 'not ours');
      await started.type('start 1', 'runs already');
      await started.type('kill 3', 'There is no server 3. There are 2');
      await started.type('trim soon', 'how many days');
      await started.type('trim', '0 ops deleted');
      await started.type('kill 1', 'done');
      await started.type('start 1', 'done');
      await started.type('drop', 'done');
      await started.type('stats', 'agents: 0');
      started.child.kill('SIGTERM');
      expect((await started.ended)[0]).to.equal(0);
      expect(await whyNotFree(port)).to.equal(undefined);
    });

    it('reports in one line that its database does not answer, and ends', async () => {
      const nowhere = new URL(postgres.url);
      nowhere.port = String(await freePort());
      const started = run({PORT: '0', DATABASE_URL: nowhere.href, REDIS_URL: redis.url});
      expect((await started.ended)[0]).to.equal(1);
      expect(started.output).to.match(/^The deployment could not be started: .*ECONNREFUSED.*$/m).and.not.to.match(/^ +at /m);
    });
  });
});
