import {expect} from 'chai';
import {fileURLToPath} from 'node:url';
import type {Browser} from 'puppeteer-core';
import type {Doc} from 'sharedb/lib/client/index.js';
import {build} from '../../examples/scale-out/build.js';
import {Deployment} from '../../examples/scale-out/deployment.js';
import {query} from '../../examples/scale-out/postgres.js';
import {Tokens} from '../../examples/scale-out/tokens.js';
import {type TrimmedOp, type TrimOptions, trimOps} from '../../examples/scale-out/trim.js';
import {launchChromium} from '../browsers/index.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {PlainClient} from './plain-client.js';
import {Profile} from './profile.js';
import type {Typists} from './typists.js';

const pages = fileURLToPath(new URL('../../build/deployment', import.meta.url));
const SECRET = 'a secret of the tests';
/** So long that no token expires, which would bring everybody up to date. */
const TOKEN_SECONDS = 3600;
/**
 * Short, so that only pings keep a connection. The servers ping every 4 s, and cut who has not answered until the next ping: on a busy
 * machine an answer takes seconds.
 */
export const IDLE_MS = 10_000;
export const MAX_PAYLOAD = 256 * 1024;

let browser: Browser;
let deployment: Deployment;

before('build the page, start Chromium and the deployment', async function () {
  this.timeout(600_000);
  await build({outDir: pages});
  browser = await launchChromium();
  deployment = await Deployment.start({
    pages, secret: SECRET, tokenSeconds: TOKEN_SECONDS, pingMs: 4000, idleMs: IDLE_MS, spreadMs: 500, maxPayload: MAX_PAYLOAD, logs: false
  });
});

after('stop Chromium and the deployment', async function () {
  this.timeout(60_000);
  await browser?.close();
  await deployment?.close();
});

/** One test's profiles and clients of the deployment. The note is the test's own. */
export class DeploymentStage {
  private static notes = 0;
  readonly note = `team:${++DeploymentStage.notes}`;
  readonly deployment = deployment;
  readonly profiles: Profile[] = [];
  readonly clients: PlainClient[] = [];
  private readonly trimmed: TrimmedOp[] = [];
  /** The note's version when all had the same text last. */
  private commonVersion = 0;
  private tokenSeconds = TOKEN_SECONDS;

  async profile(name: string): Promise<Profile> {
    const profile = await Profile.open(name, browser, deployment.servers.map(({port}) => port), IDLE_MS);
    this.profiles.push(profile);
    return profile;
  }

  /** @param server the number of the server that it stays with */
  plainClient(user: string, server: number): PlainClient {
    const client = new PlainClient(`the plain client of server ${server + 1}`, deployment.servers[server]!.port,
      () => this.token(user, this.tokenSeconds));
    this.clients.push(client);
    return client;
  }

  /** A token for the servers, valid for so many seconds. */
  token(user: string, seconds: number): string {
    return new Tokens(SECRET).issue(user, 'socket', seconds);
  }

  /** Replaces the servers one after the other by servers whose tokens are valid for so many seconds. */
  async replaceServers(tokenSeconds: number): Promise<void> {
    this.tokenSeconds = tokenSeconds;
    for (const server of deployment.servers) await server.replace({tokenSeconds});
  }

  /**
   * Deletes only ops that all clients have. If an op is deleted that a client of ShareDB's own lacks, that client never gets the later ops
   * either. On a slow machine, hundreds of ops are made while a server starts.
   * @returns the number of deleted ops
   */
  async trimCommonOps(): Promise<number> {
    // For the ops that are made between the two statements.
    const margin = 100;
    return this.trim({days: 0, keep: (await this.inDatabase()).version - this.commonVersion + margin});
  }

  /** @returns the number of deleted ops */
  async trim(options: TrimOptions): Promise<number> {
    const trimmed = await trimOps(deployment.databaseUrl, options);
    this.trimmed.push(...trimmed);
    return trimmed.length;
  }

  async textInDatabase(): Promise<string> {
    return (await this.inDatabase()).data.text;
  }

  private async inDatabase(): Promise<{version: number; data: {text: string}}> {
    const rows = await query<{version: number; data: {text: string}}>(
      deployment.databaseUrl, 'SELECT version, data FROM snapshots WHERE doc_id = $1', [this.note]
    );
    return rows[0]!;
  }

  /** All have what the database has, and everything that was typed is there once. */
  async expectAllThere(typists: Typists, docs: Doc<{text: string}>[]): Promise<void> {
    const tabs = this.profiles.flatMap(profile => profile.tabs);
    let state = '';
    try {
      await until('all have the same text', async () => {
        const seen = [
          ...await Promise.all(tabs.map(async tab => ({name: tab.name, ...await tab.see()}))),
          ...docs.map((doc, i) => {
            const {name, errors} = this.clients[i]!;
            const saved = doc.hasWritePending() ? 'unsaved' : 'saved';
            return {name: `${name}, at version ${doc.version}, last error ${errors.at(-1)?.message}`, text: doc.data?.text, saved};
          })
        ];
        state = seen.map(({name, text, saved}) => `${name}: ${text?.length} characters, ${saved}`).join('; ');
        // The database is asked last, once the others agree.
        return seen.every(({text, saved}) => text === seen[0]!.text && saved === 'saved') && await this.textInDatabase() === seen[0]!.text;
      }, PATIENCE);
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${state}`);
    }
    expect(typists.faultsOf(await this.textInDatabase())).to.eql([]);
    expect(await Promise.all(tabs.map(tab => tab.shown('letters')))).to.eql(tabs.map(() => '0'));
    await this.expectEachOpOnce();
  }

  /** In the database, with what was trimmed from it: the versions have no gap, and no author's op is there twice. */
  async expectEachOpOnce(): Promise<void> {
    const kept = await query<TrimmedOp>(deployment.databaseUrl, 'SELECT doc_id, version, src, seq FROM ops WHERE doc_id = $1', [this.note]);
    const ops = [...this.trimmed.filter(op => op.doc_id === this.note), ...kept];
    const versions = ops.map(({version}) => version).sort((one, other) => one - other);
    expect(versions).to.eql(versions.map((_, i) => i + 1));
    const counts = new Map<string, number>();
    for (const {src, seq} of ops) counts.set(`${src} ${seq}`, (counts.get(`${src} ${seq}`) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 1)).to.eql([]);
    this.commonVersion = (await this.inDatabase()).version;
    expect(this.commonVersion).to.equal(versions.length);
  }

  async close(): Promise<void> {
    if (this.tokenSeconds !== TOKEN_SECONDS) await this.replaceServers(TOKEN_SECONDS);
    for (const client of this.clients) client.close();
    for (const profile of this.profiles) await profile.close();
  }
}
