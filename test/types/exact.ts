type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Compiles where the value's type is exactly the one named: `exact<string>()(doc.id)`. Never run. */
export declare function exact<Expected>():
  <Actual>(value: Actual, ...wrong: Equal<Actual, Expected> extends true ? [] : [expected: Expected, not: Actual]) => void;
