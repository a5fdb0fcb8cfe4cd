import {expect} from 'chai';
import {tmpdir} from 'node:os';
import {Deployment} from '../../examples/scale-out/deployment.js';
import {Postgres, query} from '../../examples/scale-out/postgres.js';
import {Redis} from '../../examples/scale-out/redis.js';
import {Tokens} from '../../examples/scale-out/tokens.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {PlainClient} from './plain-client.js';

const secret = 'a secret of this test';

describe('a deployment with an existing database and Redis', function () {
  this.timeout(400_000);
  let postgres: Postgres;
  let redis: Redis;
  let deployment: Deployment | undefined;
  const clients: PlainClient[] = [];

  before('start PostgreSQL and Redis', async () => {
    postgres = await Postgres.start();
    redis = await Redis.start();
  });

  after('stop all of it', async () => {
    for (const client of clients) client.close();
    await deployment?.close();
    await redis?.close();
    await postgres?.close();
  });

  it('uses them, survives when the proxy drops all connections, and leaves them running', async () => {
    deployment = await Deployment.start({pages: tmpdir(), databaseUrl: postgres.url, redisUrl: redis.url, secret, logs: false});
    expect([deployment.postgres, deployment.redis]).to.eql([undefined, undefined]);
    const {proxy} = deployment;
    const token = (): string => new Tokens(secret).issue('ada', 'socket', 3600);
    for (const name of ['one', 'other']) clients.push(new PlainClient(name, proxy.port, token));
    const [one, other] = clients as [PlainClient, PlainClient];
    const docs = [await one.open('team:given'), await other.open('team:given')] as const;
    await settled(done => docs[0].create({text: 'a'}, done));
    await until('the other server has told of it', () => docs[1].data?.text === 'a', PATIENCE);
    proxy.drop();
    await until('both have lost their connections', () => clients.every(({codes}) => codes.length > 0), PATIENCE);
    await settled(done => docs[1].submitOp([{p: ['text', 1], si: 'b'}], undefined, done));
    await until('the edit has arrived after that', () => docs[0].data?.text === 'ab', PATIENCE);
    await deployment.close();
    deployment = undefined;
    const [row] = await query<{data: {text: string}}>(postgres.url, 'SELECT data FROM snapshots WHERE doc_id = $1', ['team:given']);
    expect(row!.data.text).to.equal('ab');
  });
});
