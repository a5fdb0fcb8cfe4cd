import coincident from 'coincident/worker';
import {serviceClass} from './service.js';

const service = new (serviceClass(Object))();
const {proxy} = await coincident();
for (const name of ['add', 'echo']) proxy[name] = (...args) => service[name](...args);
