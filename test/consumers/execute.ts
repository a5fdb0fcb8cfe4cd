import {execFile} from 'node:child_process';

/** Runs a program to its end and returns its output. If it fails, the error contains the output. */
export function execute(program: string, args: string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, {cwd, env: cleanEnvironment(), maxBuffer: 32 * 2 ** 20}, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      reject(new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`, {cause: error}));
    });
  });
}

/** The environment without the variables of an outer `npm run`. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
}
