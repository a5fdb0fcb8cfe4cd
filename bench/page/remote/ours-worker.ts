import {expose} from '../../../lib/remote.js';
import {serviceClass} from './service.js';

expose(new (serviceClass(Object))(), self as never);
