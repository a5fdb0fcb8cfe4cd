import type {WireReference, HandlerOptions} from './wire.js';

/** The part of a peer that its references need. */
interface ExportsPeer {
  nextId(): number;
  /** The other side has no stub of an object any more. */
  onReleased(object: object): void;
}

interface Exported {
  readonly object: object;
  readonly name: string;
  count: number;
}

/**
 * The objects that the other side has stubs of. The count of a reference rises each time it is in a message. A stub releases with
 * the number of times that it arrived. So a release and a new sending can cross.
 */
export class Exports {
  readonly #byId = new Map<number, Exported>();
  readonly #ids = new Map<object, number>();

  readonly #peer: ExportsPeer;

  constructor(peer: ExportsPeer) {
    this.#peer = peer;
  }

  get size(): number {
    return this.#byId.size;
  }

  get names(): string[] {
    return Array.from(this.#byId.values(), ({name}) => name);
  }

  add(object: object, name: string): number {
    let id = this.#ids.get(object);
    if (id === undefined) {
      id = this.#peer.nextId();
      this.#ids.set(object, id);
      this.#byId.set(id, {object, name, count: 0});
    }
    this.#byId.get(id)!.count++;
    return id;
  }

  get(id: number): object | undefined {
    return this.#byId.get(id)?.object;
  }

  release(id: number, count: number): void {
    const entry = this.#byId.get(id);
    if (!entry || (entry.count -= count) > 0) return;
    this.#byId.delete(id);
    this.#ids.delete(entry.object);
    this.#peer.onReleased(entry.object);
  }

  clear(): void {
    const entries = [...this.#byId.values()];
    this.#byId.clear();
    this.#ids.clear();
    for (const {object} of entries) this.#peer.onReleased(object);
  }
}

/** A reference to an object on the other side. The stub holds it; it does not hold the stub. */
export interface Reference {
  readonly id: number;
  readonly isFunction: boolean;
  readonly name: string;
  readonly peek: Record<string, unknown> | undefined;
  readonly options: HandlerOptions | undefined;
  /** How often the reference has arrived without being released. */
  arrived: number;
  isReleased: boolean;
}

/** The other side's references that have stubs here, and the releases to send. */
export class Imports {
  readonly #stubs = new Map<number, {readonly stub: WeakRef<object>; readonly reference: Reference}>();
  #released: [number, number][] = [];
  // Registered without tokens: unregistering costs ten times as much as registering. `release` ignores references that are released.
  readonly #registry = new FinalizationRegistry<Reference>(reference => this.release(reference));

  readonly #peer: {schedule(): void};

  constructor(peer: {schedule(): void}) {
    this.#peer = peer;
  }

  get size(): number {
    return this.#stubs.size;
  }

  /** @param create creates a stub if none is alive */
  receive(wire: WireReference, create: (reference: Reference) => object): object {
    const [id, isFunction, name, peek, options] = wire;
    const known = this.#stubs.get(id);
    const living = known?.reference.isReleased ? undefined : known?.stub.deref();
    if (living) {
      known!.reference.arrived++;
      return living;
    }
    const reference: Reference = {
      id, isFunction: isFunction === 1, name: String(name), arrived: 1, isReleased: false,
      peek: peek && typeof peek === 'object' ? peek : undefined, options: options && typeof options === 'object' ? options : undefined
    };
    const stub = create(reference);
    this.#stubs.set(id, {stub: new WeakRef(stub), reference});
    this.#registry.register(stub, reference);
    return stub;
  }

  release(reference: Reference): void {
    if (reference.isReleased) return;
    reference.isReleased = true;
    if (this.#stubs.get(reference.id)?.reference === reference) this.#stubs.delete(reference.id);
    this.#released.push([-reference.id, reference.arrived]);
    this.#peer.schedule();
  }

  /** Releases the result of a call of this side whose record was released or garbage-collected. */
  releaseResult(id: number): void {
    this.#released.push([id, 1]);
    this.#peer.schedule();
  }

  takeReleased(): [number, number][] {
    const released = this.#released;
    if (released.length) this.#released = [];
    return released;
  }

  clear(): void {
    for (const {reference} of this.#stubs.values()) reference.isReleased = true;
    this.#stubs.clear();
    this.#released = [];
  }
}
