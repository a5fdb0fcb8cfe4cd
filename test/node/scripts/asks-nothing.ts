import {ProxyConnection} from '../../../lib/index.js';

/** A connection without a host, and without an open request, does not keep its process alive. */
new ProxyConnection().get('docs', 'one');
console.log('ends');
