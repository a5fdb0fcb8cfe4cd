/**
 * Loaded with `--import`: makes every `sharedb` and `sharedb/…`, ours and that of the tests, the package that
 * the environment variable SHAREDB names, e.g. `sharedb-6`, the alias of another version. Without it, nothing.
 */
import Module, {register} from 'node:module';
import {isMainThread} from 'node:worker_threads';

const name = process.env.SHAREDB;

function alias(specifier) {
  return name && /^sharedb(\/|$)/.test(specifier) ? name + specifier.slice('sharedb'.length) : specifier;
}

/** Node's hook for `import`, which runs in a thread of its own. */
export function resolve(specifier, context, next) {
  return next(alias(specifier), context);
}

if (name && isMainThread) {
  register(import.meta.url);
  const {_resolveFilename} = Module;
  Module._resolveFilename = function(request, ...rest) {
    return _resolveFilename.call(this, alias(request), ...rest);
  };
}
