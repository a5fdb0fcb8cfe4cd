import {expose} from '@supertalk/core';
import {serviceClass} from './service.js';

expose(new (serviceClass(Object))(), self);
