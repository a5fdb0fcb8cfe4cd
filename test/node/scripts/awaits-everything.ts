import Backend from 'sharedb';
import {Host} from '../../../lib/host.js';
import {ProxyConnection} from '../../../lib/index.js';
import {settled} from '../../waiting/settled.js';

/** A script as people write it: nothing but its own requests keeps it running, and it closes nothing. */
new Host({connection: new Backend({presence: true}).connect()});
const tab = new ProxyConnection();
const doc = tab.get('docs', 'one');
await settled(done => doc.subscribe(done));
await settled(done => doc.create({n: 1}, done));
await doc.submitOp([{p: ['n'], na: 1}]);
const presence = tab.getPresence('channel');
await settled(done => presence.subscribe(done));
await settled(done => presence.create('me').submit({here: true}, done));
await tab.inspect();
console.log(JSON.stringify(doc.data));
