const first = 0x3400;
const last = 0x9fff;

export interface Fault {
  message: string;
  /** The characters that are missing or duplicated. */
  characters: string[];
}

/**
 * The keystrokes of a test. Each enters a different character, so a text shows which keystrokes it has: none may be missing or
 * duplicated, and those of one typist are in the order of typing.
 */
export class Keystrokes {
  readonly #typed: {typist: number; n: number}[] = [];
  readonly #counts = new Map<number, number>();

  /** The character of a typist's next keystroke. */
  next(typist: number): string {
    const code = first + this.#typed.length;
    if (code > last) throw new Error('There are no more characters');
    const n = this.count(typist);
    this.#typed.push({typist, n});
    this.#counts.set(typist, n + 1);
    return String.fromCharCode(code);
  }

  /** The number of a typist's keystrokes. */
  count(typist: number): number {
    return this.#counts.get(typist) ?? 0;
  }

  /** The numbers of a typist's keystrokes in a text, in the order of the text. */
  in(text: string, typist: number): number[] {
    return [...text].map(character => this.#find(character)).filter(found => found?.typist === typist).map(found => found!.n);
  }

  /** The characters that nobody typed. */
  without(text: string): string {
    return [...text].filter(character => !this.#find(character)).join('');
  }

  /** A text with names for the keystrokes: `‹1:20›` is number 20 of typist 1. */
  legible(text: string): string {
    return [...text].map(character => {
      const found = this.#find(character);
      return found ? `‹${found.typist}:${found.n}›` : character;
    }).join('');
  }

  /** The fault in a text that must contain a typist's first keystrokes, at least `atLeast`; undefined if there is none. */
  faultOf(text: string, typist: number, atLeast: number): Fault | undefined {
    const found = this.in(text, typist);
    if (found.length >= atLeast && found.every((n, i) => n === i)) return undefined;
    const times = new Map<number, number>();
    for (const n of found) times.set(n, (times.get(n) ?? 0) + 1);
    const end = Math.max(atLeast, ...found.map(n => n + 1));
    const missing = Array.from({length: end}, (_, n) => n).filter(n => !times.has(n));
    const doubled = [...times].filter(([, count]) => count > 1).map(([n]) => n);
    const suspects = new Set([...missing, ...doubled]);
    return {
      message: `of ${this.count(typist)} keystrokes of typist ${typist} the first ${atLeast} at least are to be there, ` +
        `once and in order: ${ranges(missing)} missing, ${ranges(doubled)} twice; there are ${ranges(found)}`,
      characters: this.#typed.flatMap((typed, i) =>
        (typed.typist === typist && suspects.has(typed.n) ? [String.fromCharCode(first + i)] : []))
    };
  }

  #find(character: string): {typist: number; n: number} | undefined {
    return this.#typed[character.charCodeAt(0) - first];
  }
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
