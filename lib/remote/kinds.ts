import {tagOf} from './errors.js';

/** Objects that structured clone copies completely, in addition to plain objects, arrays, Map, Set and errors (HTML Standard). */
const CLONED = new Set((
  'Date RegExp Boolean Number String BigInt ArrayBuffer SharedArrayBuffer Blob File FileList ImageData ImageBitmap CryptoKey RTCCertificate ' +
  'DOMRect DOMRectReadOnly DOMPoint DOMPointReadOnly DOMQuad DOMMatrix DOMMatrixReadOnly WebAssembly.Module FileSystemHandle ' +
  'FileSystemFileHandle FileSystemDirectoryHandle VideoFrame AudioData EncodedVideoChunk EncodedAudioChunk WebTransportError'
).split(' '));

/** Objects that can only be transferred. */
const MOVED = new Set('MessagePort OffscreenCanvas MediaSourceHandle RTCDataChannel MediaStreamTrack'.split(' '));

/** Objects that can be cloned or transferred. */
const MOVABLE = new Set('ArrayBuffer ImageBitmap VideoFrame AudioData'.split(' '));

export type ValueKind =
  | 'plain' | 'array' | 'map' | 'set' | 'buffer' | 'view' | 'cloned' | 'moved' | 'error' | 'promise' | 'readable' | 'writable' | 'transform'
  | 'signal' | 'url' | 'headers' | 'iterable' | 'symbol' | 'reference';

const {getPrototypeOf} = Object;
const TypedArray = getPrototypeOf(Uint8Array) as new () => object;

/** Whether structured clone copies a value that has no parts. Symbols can't be cloned. */
export const isPrimitive = (value: unknown): boolean =>
  value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');

/** How an object is sent, unless a handler or mark decides otherwise. */
export function kindOf(value: object): ValueKind {
  const prototype = getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype || prototype === null) return hasIterator(value) ? 'iterable' : 'plain';
  if (Array.isArray(value)) return prototype === Array.prototype || getPrototypeOf(getPrototypeOf(prototype)) === null ? 'array' : 'reference';
  // `isView` is false for a Proxy of a view. As a view, it causes an error when it is posted, because structured clone refuses a Proxy.
  if (ArrayBuffer.isView(value) || value instanceof TypedArray || value instanceof DataView) return 'view';
  const name = nameOf(value, prototype);
  // A plain object of another realm, for example an iframe.
  if (name === 'Object' && getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty')) return 'plain';
  if (value instanceof Error || name === 'Error' || name === 'DOMException') return 'error';
  switch (name) {
    case 'Promise':
      return 'promise';
    case 'ReadableStream':
      return 'readable';
    case 'WritableStream':
      return 'writable';
    case 'TransformStream':
      return 'transform';
    case 'AbortSignal':
      return 'signal';
    case 'WeakMap':
    case 'WeakSet':
    case 'WeakRef':
      return 'symbol';
    case 'Generator':
    case 'AsyncGenerator':
      return 'iterable';
  }
  // A clone would lose the methods of an app's own subclass, so it is sent by reference.
  if ((prototype.constructor as {name?: unknown} | undefined)?.name === name || isOfModule(name)) {
    if (name === 'Map') return 'map';
    if (name === 'Set') return 'set';
    if (name === 'ArrayBuffer') return 'buffer';
    if (name === 'URL') return 'url';
    if (name === 'Headers') return 'headers';
    if (MOVED.has(name)) return 'moved';
    if (CLONED.has(name)) return 'cloned';
  }
  if (hasIterator(value)) return 'iterable';
  return typeof (value as {then?: unknown}).then === 'function' ? 'promise' : 'reference';
}

/** The platform's name for a class. Node's ports have no tag of their own. */
function nameOf(value: object, prototype: object): string {
  const {constructor} = prototype as {constructor?: unknown};
  const name = typeof constructor === 'function' ? constructor.name : '';
  return name && (globalThis as Record<string, unknown>)[name] === constructor ? name : tagOf(value).slice(8, -1);
}

/** Whether an object can be transferred as an alternative to cloning. */
export const isMovable = (value: object): boolean => MOVABLE.has(tagOf(value).slice(8, -1));

const isOfModule = (name: string): boolean => name === 'WebAssembly.Module';
const hasIterator = (value: object): boolean => typeof (value as {[Symbol.asyncIterator]?: unknown})[Symbol.asyncIterator] === 'function';
