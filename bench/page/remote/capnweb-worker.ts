import {newMessagePortRpcSession, RpcTarget} from 'capnweb';
import {serviceClass} from './service.js';

self.onmessage = ({data}: MessageEvent<MessagePort>) => newMessagePortRpcSession(data, new (serviceClass(RpcTarget as unknown as new () => object))());
