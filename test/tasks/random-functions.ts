/** Names that random functions use and declare. */
const NAMES = ['a', 'b', 'c', 'd', 'e'];

/**
 * The text of a random function. Its whole code runs when it is called without arguments, if the names `__run`, `__runAll` and `__Base` of
 * {@link runners} are there: nothing is conditional, and each error is caught where it is thrown.
 * @param random returns numbers from 0 to below 1
 */
export function randomFunction(random: () => number): string {
  const pick = <T>(...items: T[]): T => items[Math.floor(random() * items.length)]!;
  const name = (): string => pick(...NAMES);
  const many = (make: () => string, separator: string): string => Array.from({length: Math.floor(random() * 4)}, make).join(separator);
  let left = 40;
  /** The first when the text is long enough. */
  const choose = (...makers: (() => string)[]): string => left-- > 0 ? pick(...makers)() : makers[0]!();

  const pattern = (): string => choose(name, name,
    () => `{${name()}}`, () => `{k: ${name()} = ${expression()}, [${expression()}]: ${name()}}`, () => `[${name()} = ${expression()}]`,
    () => `[[${name()}] = [${expression()}]]`);
  const declarator = (): string => {
    const target = pattern();
    return `${target} = ${target.startsWith('[') ? '[]' : target.startsWith('{') ? '{}' : expression()}`;
  };
  const parameter = (): string => choose(name, declarator, declarator);
  const parameters = (): string => [many(parameter, ', '), ...(random() < 0.2 ? [`...${name()}`] : [])].filter(Boolean).join(', ');
  const body = (): string => `${pick('', '', `'use strict'; `)}${statements()}`;
  const fn = (): string => choose(
    () => `() => ${expression()}`, () => `(${parameters()}) => {${body()}}`, () => `${name()} => {${body()}}`,
    () => `${pick('', 'async ')}function${pick('', '*')} ${pick('', name())}(${parameters()}) {${body()}}`
  );
  const method = (key = `m${left}`): string => choose(
    () => `${key}() {}`, () => `${key}(${parameters()}) {${body()}}`, () => `get ${key}() {${body()}}`, () => `${pick('*', 'async ')}${key}() {${body()}}`
  );
  const member = (): string => choose(
    () => `static x = ${expression()};`, () => `y = ${expression()};`, () => `static {${statements()}}`, method, () => `static ${method()}`,
    () => `static [(${expression()}, 'k${left}')] = ${fn()};`, () => `static ${method(`[(${expression()}, 'k${left}')]`)}`
  );
  const expression = (): string => choose(
    () => `__run(() => ${name()})`, () => `__run(() => typeof ${name()})`,
    () => { const target = name(); return `__run(() => ${target} = ${target})`; },
    () => `__run(${fn()})`, () => `__run(${fn()})`, () => `[${expression()}, {k: ${expression()}}]`, () => `\`\${${expression()}}\``,
    () => `__runAll({${many(method, ', ')}})`, () => `__runAll(class ${pick('', name())} extends (${expression()}, __Base) {${many(member, ' ')}})`
  );
  const statement = (): string => choose(
    () => `${expression()};`, () => `${pick('var', 'let', 'const')} ${declarator()};`, () => `var ${declarator()};`, () => `var ${name()};`,
    () => `${pick('', '', 'async ')}function${pick('', '', '*')} ${name()}() {}`, () => `if (1) function ${name()}() {}`, () => `class ${name()} {static x = ${expression()};}`,
    () => `{${statements()}}`, () => `{${statements()}}`, () => `${name()}: {${statements()}}`, () => `switch (0) {case ${expression()}: default: ${statements()}}`,
    () => `for (${pick('var', 'let', 'const')} ${pattern()} of [[]]) {${statements()}}`, () => `for (${pick('var', 'let')} ${declarator()}; ${expression()}, 1;) {${statements()} break;}`,
    () => `try {throw [];} catch (${pattern()}) {${statements()}}`, () => `try {throw 1;} catch {${statements()}} finally {${statements()}}`
  );
  const statements = (): string => many(statement, ' ');
  return fn();
}

/** What random functions call: it runs what they declare, and catches what they throw. */
export const runners = `
  const __Base = class {};
  const __run = (fn, self) => {
    try {
      const result = fn.call(self);
      // A generator runs to its end: it has no \`yield\`.
      const promise = typeof result?.next === 'function' ? result.next() : result;
      promise?.catch?.(() => {});
    } catch {}
  };
  const __runAll = holder => {
    const isClass = typeof holder === 'function';
    for (const object of isClass ? [holder, holder.prototype] : [holder]) {
      for (const [key, {value, get}] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
        if (key !== 'constructor' && key !== 'prototype' && (get || typeof value === 'function')) __run(get ?? value, object);
      }
    }
    if (isClass) new holder();
  };
`;
