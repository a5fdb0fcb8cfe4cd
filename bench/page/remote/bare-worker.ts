import {serviceClass} from './service.js';

const service = new (serviceClass(Object))() as Record<string, (...args: unknown[]) => unknown>;

self.onmessage = ({data: [id, name, args]}: MessageEvent<[number, string, unknown[]]>) => self.postMessage([id, service[name]!(...args)]);
