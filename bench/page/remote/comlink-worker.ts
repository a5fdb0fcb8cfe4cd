import {expose} from 'comlink';
import {serviceClass} from './service.js';

expose(new (serviceClass(Object))());
