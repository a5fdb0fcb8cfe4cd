export {connectionOf, evaluate, expose, exposeToAll, peek, port, recorder, release, set, wrap} from './remote/api.js';
export {windowEndpoint} from './remote/endpoints.js';
export {RemoteError, REMOTE_ERROR_CODES, type RemoteErrorCode} from './remote/errors.js';
export {handler, ref, transfer, value} from './remote/markers.js';
export {service, type ServiceCallOptions} from './services/service-client.js';
export {isStub} from './remote/stubs.js';
export type {
  AnyClass, Call, Connection, Constructs, Copied, Endpoint, Evaluate, Fn, FrameDelivery, FrameTransport, Handler, HandlerContext, HandlerDecoding,
  HandlerEncoding, HasMethods, IsAny, Members, NodeEndpoint, Received, Recorder, Remote, RemoteFn, RemoteOptions, Sent, Stub, WebEndpoint
} from './remote/types.js';
export type {HandlerOptions} from './remote/wire.js';
