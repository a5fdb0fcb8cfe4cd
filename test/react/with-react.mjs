/**
 * Loaded with `--import`: makes every `react` and `react-dom` the packages of another version, whose aliases end with what the environment
 * variable REACT says: `react-18` for 18. Without it, nothing.
 */
import Module, {register} from 'node:module';
import {isMainThread} from 'node:worker_threads';

const version = process.env.REACT;

function alias(specifier) {
  return version ? specifier.replace(/^(react|react-dom)(?=\/|$)/, `$1-${version}`) : specifier;
}

/** Node's hook for `import`, which runs in a thread of its own. */
export function resolve(specifier, context, next) {
  return next(alias(specifier), context);
}

if (version && isMainThread) {
  register(import.meta.url);
  const {_resolveFilename} = Module;
  Module._resolveFilename = function(request, ...rest) {
    return _resolveFilename.call(this, alias(request), ...rest);
  };
}
