/** A scope of a function's text, with the names that it declares. */
export class NameScope {
  readonly names: Set<string>;

  /**
   * @param kind 'function': `var` declares names here. 'catch': the scope of a parameter that is one name
   * @param isStrict whether its code is strict
   */
  constructor(
    readonly parent: NameScope | undefined, readonly kind: 'function' | 'block' | 'catch', names: Iterable<string> = [], readonly isStrict: boolean = parent?.isStrict ?? false
  ) {
    this.names = new Set(names);
  }

  has(name: string): boolean {
    return this.names.has(name) || (this.parent?.has(name) ?? false);
  }

  get functionScope(): NameScope {
    return this.kind === 'function' || !this.parent ? this : this.parent.functionScope;
  }

  /**
   * In sloppy code, a function that this block declares is a variable of the function around it as well, unless a block between declares the name
   * (ECMAScript, B.3.2.1). Call it when all names are declared.
   */
  hoistFunction(name: string): void {
    if (this.isStrict) return;
    const {functionScope} = this;
    for (let scope = this.parent; this !== functionScope && scope && scope !== functionScope; scope = scope.parent) {
      // B.3.4: a `var` may have the name of such a parameter.
      if (scope.kind !== 'catch' && scope.names.has(name)) return;
    }
    functionScope.names.add(name);
  }
}
