import {expect} from 'chai';
import {setTimeout as pause} from 'node:timers/promises';
import type {Doc} from 'sharedb/lib/client/index.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {DeploymentStage} from './stage.js';
import {Typists} from './typists.js';

/** How long Redis and PostgreSQL are away, in ms: everybody notices, and tries to come back several times. */
const OUTAGE_MS = 10_000;

describe('two profiles with three tabs each, and a plain client at each of two servers, all of which type,', function () {
  this.timeout(400_000);
  let stage: DeploymentStage;
  let typists: Typists;
  let docs: Doc<{text: string}>[];

  before('open all', async function () {
    this.timeout(400_000);
    stage = new DeploymentStage();
    typists = new Typists();
    for (const [user, name] of [['ada', 'profile 1'], ['ben', 'profile 2']] as const) {
      const profile = await stage.profile(name);
      for (let i = 0; i < 3; i++) {
        const tab = await profile.openTab(user, stage.note);
        await tab.putCursorAtEnd();
        typists.addTab(tab);
      }
    }
    docs = await Promise.all([0, 1].map(server => stage.plainClient('cleo', server).open(stage.note)));
    docs.forEach((doc, i) => typists.addPlain(stage.clients[i]!.name, doc));
  });

  after('close all', () => stage?.close());

  beforeEach(() => typists.start());

  afterEach(async () => {
    await typists.stop();
  });

  const allIsWell = async (): Promise<void> => {
    await typists.more(2);
    await typists.stop();
    await stage.expectAllThere(typists, docs);
  };

  /** All type while something is away. */
  const outage = (): Promise<unknown> => Promise.all([typists.more(30), pause(OUTAGE_MS)]);

  it('use one socket for each profile', async () => {
    const stats = await Promise.all(stage.deployment.servers.map(server => server.stats()));
    expect(stats.reduce((sum, {open}) => sum + open, 0)).to.be.at.most(4);
    await allIsWell();
  });

  it('continue when a server is killed and started again', async () => {
    const [server] = stage.deployment.servers;
    await server!.kill();
    await typists.more(8);
    await server!.start();
    await allIsWell();
  });

  it('continue when their connections are cut', async () => {
    for (const profile of stage.profiles) profile.network.drop();
    await allIsWell();
  });

  it('continue when Redis is unreachable for 10 s', async () => {
    await stage.deployment.redis!.crash();
    await outage();
    await stage.deployment.redis!.start();
    await allIsWell();
  });

  it('continue when PostgreSQL is unreachable for 10 s', async () => {
    await stage.deployment.postgres!.crash();
    await outage();
    await stage.deployment.postgres!.start();
    await allIsWell();
  });

  it('continue when the log of ops is trimmed', async () => {
    expect(await stage.trimCommonOps()).to.be.above(0);
    await allIsWell();
  });

  it('continue when the servers are replaced one after the other, by servers with expiring tokens', async () => {
    await stage.replaceServers(8);
    // A tab that reconnected while the second server stopped may have a token of that server, which is valid for an hour.
    for (const profile of stage.profiles) profile.network.drop();
    const haveExpired = async (): Promise<boolean> => {
      const codes = [
        ...stage.clients.map(client => client.codes.join(' ')),
        ...await Promise.all(stage.profiles.map(profile => profile.tabs[0]!.shown('codes')))
      ];
      return codes.every(of => of.includes('4401'));
    };
    await until('everybody was closed with 4401', haveExpired, PATIENCE);
    await allIsWell();
  });

  it('continue when all of this happens at the same time', async () => {
    const {redis, postgres, servers} = stage.deployment;
    await Promise.all([redis!.crash(), postgres!.crash(), servers[1]!.kill()]);
    for (const profile of stage.profiles) profile.network.drop();
    await typists.more(10);
    await Promise.all([redis!.start(), postgres!.start()]);
    await servers[1]!.start();
    await stage.trimCommonOps();
    await allIsWell();
  });
});
