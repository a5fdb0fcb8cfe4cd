import type {Random} from '../support/random.js';

const WORDS = [
  'constructor', '__proto__', 'prototype', 'own', 'list', 'fn', 'call', 'apply', 'bind', 'then', 'map', 'x', 'length', '0', 'inherited', 'hasOwnProperty',
  'hidden', 'numbers', 'bytes', 'later', 'made', 'frozen', 'toString', 'polluted'
];
/** Text that shows that it ran as code. */
const CODE = 'globalThis.hostileCodeRan = true';

/** Frames of a peer that breaks the protocol, in each place where it can be broken, from a source of random numbers. */
export class HostileFrames {
  private id = 0;

  constructor(private readonly random: Random) {}

  /** Never a farewell, which would end the connection. */
  next(): unknown {
    const {random} = this;
    const frame = random.below(20) ? [1, random.below(4) ? 0 : this.anything(), Array.from({length: 1 + random.below(3)}, () => this.message())] : this.anything();
    return isFarewell(frame) ? [1, 0, [this.anything()]] : frame;
  }

  /** A well-formed call of a method of the exposed object, with an id that was not used. */
  honestCall(method: string): {id: number; frame: unknown} {
    const id = ++this.id;
    return {id, frame: [1, 0, [[1, id, 0, [method], 0, [[]], 1]]]};
  }

  private message(): unknown {
    const {random} = this;
    switch (random.below(50) ? random.below(11) : 11) {
      case 0: case 1: case 2:
        return [1, random.below(8) ? ++this.id : random.below(50), this.target(), this.words(3), random.below(10), this.value(), random.below(3)];
      case 3: return [2, this.callId(), this.value()];
      case 4: return [3, this.callId(), this.error(), random.below(9), random.below(2)];
      case 5: return [4, random.below(this.id + 2)];
      case 6: return [5, [random.below(this.id + 2), this.anything()]];
      case 7: return [6, [[random.below(40) - 20, random.below(4) - 1], this.anything()]];
      case 8: return [7, this.target(), random.below(6), this.value()];
      case 9: return [8, this.anything(), this.anything()];
      case 10: return this.anything();
      // The other side was reloaded, it says.
      default: return [0, '', [], random.pick(['a', 'b'])];
    }
  }

  /** Often one of the newest ids, which name something. */
  private target(): number {
    const {random} = this;
    return random.below(3) ? random.below(20) - 10 : random.pick([this.id, this.id - 1, -this.id, 0]);
  }

  private callId(): number {
    return this.random.below(60);
  }

  private value(): unknown {
    const {random} = this;
    if (!random.below(3)) return this.anything();
    return [Array.from({length: random.below(3)}, () => this.anything()), Array.from({length: random.below(3)}, () => this.hole())];
  }

  private hole(): unknown {
    const {random} = this;
    const path = Array.from({length: random.below(3)}, () => (random.below(4) ? random.below(3) : random.pick(WORDS)));
    return [path, random.below(16), random.below(2) ? [random.below(2) ? this.target() : ++this.id, random.below(2) ? this.words(2) : random.below(2), random.pick(WORDS)] : this.anything()];
  }

  private error(): unknown {
    const {random} = this;
    if (!random.below(3)) return this.anything();
    return [random.pick(['TypeError', 'RemoteError', 'DOMException', 'AggregateError', 'constructor', '__proto__']), this.anything(), this.anything(), this.anything(), this.anything(), this.anything(), this.anything()];
  }

  private words(max: number): string[] {
    return Array.from({length: this.random.below(max)}, () => this.random.pick(WORDS));
  }

  private anything(depth = 0): unknown {
    const {random} = this;
    switch (random.below(depth > 3 ? 8 : 11)) {
      case 0: return random.below(40) - 20;
      case 1: return random.pick(WORDS);
      case 2: return null;
      case 3: return undefined;
      case 4: return random.below(2) === 1;
      case 5: return random.pick([NaN, Infinity, 1e300, 0.5, -0, -1]);
      case 6: return new Uint8Array(random.below(4));
      case 7: return CODE;
      // JSON makes an own member of the name __proto__, as structured clone does.
      case 8: return JSON.parse(`{${JSON.stringify(random.pick(WORDS))}:${JSON.stringify(random.pick(WORDS))}}`);
      default: return Array.from({length: random.below(5)}, () => this.anything(depth + 1));
    }
  }
}

function isFarewell(frame: unknown): boolean {
  return Array.isArray(frame) && Array.isArray(frame[2]) && frame[2].some(message => Array.isArray(message) && message[0] === 9);
}
