/**
 * Every keystroke of every typist gives a character that no other keystroke gives, so that a text tells
 * which of them it has: none may be missing or twice, and each typist's come in the order of typing.
 */
const first = 0x4e00;
const perTypist = 4000;
const last = 0x9fff;

export function token(typist: number, n: number): string {
  const code = first + typist * perTypist + n;
  if (n >= perTypist || code > last) throw new Error(`There is no character for keystroke ${n} of typist ${typist}`);
  return String.fromCharCode(code);
}

/** The keystrokes of one typist that a text has, in the order of the text. */
export function tokensOf(typist: number, text: string): number[] {
  const start = first + typist * perTypist;
  return [...text].map(character => character.charCodeAt(0) - start).filter(n => n >= 0 && n < perTypist);
}

/** What nobody typed. */
export function withoutTokens(text: string): string {
  return [...text].filter(character => character.charCodeAt(0) < first || character.charCodeAt(0) > last).join('');
}

/** What is wrong with a typist's keystrokes in a text that is to have the first ones, at least so many; undefined where nothing is. */
export function faultOf(typist: number, text: string, {atLeast, atMost}: {atLeast: number; atMost: number}): string | undefined {
  const found = tokensOf(typist, text);
  const ok = found.every((n, i) => n === i) && found.length >= atLeast && found.length <= atMost;
  if (ok) return undefined;
  const times = new Map<number, number>();
  for (const n of found) times.set(n, (times.get(n) ?? 0) + 1);
  const upTo = Math.max(atLeast, ...found.map(n => n + 1));
  const missing = Array.from({length: upTo}, (_, n) => n).filter(n => !times.has(n));
  const doubled = [...times].filter(([, count]) => count > 1).map(([n]) => n);
  return `typist ${typist} pressed ${atMost} keys, at least ${atLeast} of which are to be there, once and in order. ` +
    `Missing: ${ranges(missing)}; twice: ${ranges(doubled)}; in the text: ${ranges(found)}`;
}

/** `0-5, 7, 9-12` */
function ranges(numbers: number[]): string {
  const runs: [from: number, to: number][] = [];
  for (const n of numbers) {
    const run = runs.at(-1);
    if (run && run[1] === n - 1) run[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ') || 'none';
}
