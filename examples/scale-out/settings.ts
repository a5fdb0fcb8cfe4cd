import type {DeploymentOptions} from './deployment.js';

export interface Settings extends Pick<DeploymentOptions, 'databaseUrl' | 'redisUrl' | 'tokenSeconds'> {
  port: number;
}

/**
 * Reads the settings of a deployment from the environment. They are checked before anything is started, because a start takes seconds and may
 * install programs.
 * @throws an error that names the wrong argument or variable
 */
export function settingsOf(args: readonly string[], environment: NodeJS.ProcessEnv): Settings {
  if (args.length) throw new Error(`${args.join(' ')}: there are no arguments. Variables say what is wanted, such as PORT=3000 npm run scale-out`);
  /** An empty variable counts as none. */
  const given = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const number = (name: string, what: string, isGood: (value: number) => boolean): number | undefined => {
    const text = given(name);
    if (text === undefined) return undefined;
    if (!isGood(Number(text))) throw new Error(`${name} is ${text}, and has to be ${what}`);
    return Number(text);
  };
  const address = (name: string, ...schemes: string[]): string | undefined => {
    const text = given(name);
    // The message does not repeat the address, which may contain a password.
    if (text !== undefined && !(URL.canParse(text) && schemes.includes(new URL(text).protocol))) throw new Error(`${name} has to begin with ${schemes.map(scheme => `${scheme}//`).join(' or ')}`);
    return text;
  };
  return {
    port: number('PORT', 'a whole number from 0 to 65535; 0 takes a free one', value => Number.isInteger(value) && value >= 0 && value <= 65_535) ?? 8080,
    databaseUrl: address('DATABASE_URL', 'postgresql:', 'postgres:'),
    redisUrl: address('REDIS_URL', 'redis:', 'rediss:'),
    tokenSeconds: number('TOKEN_SECONDS', 'a number of seconds above 0', value => value > 0 && Number.isFinite(value))
  };
}
