import {type AnyNode, parseExpressionAt, type Pattern} from 'acorn';

type Anything = AnyNode & Record<string, unknown>;

class Scope {
  readonly names = new Set<string>();
  constructor(readonly parent: Scope | undefined, readonly isFunction: boolean, readonly hasArguments = false) {}

  has(name: string): boolean {
    return this.names.has(name) || (this.hasArguments && name === 'arguments') || (this.parent?.has(name) ?? false);
  }

  get functionScope(): Scope {
    return this.isFunction || !this.parent ? this : this.parent.functionScope;
  }
}

/** Expressions that have a meaning only where the function was written. */
const outsiders: [string, RegExp][] = [
  ['import.meta', /\bimport\s*\.\s*meta\b/], ['new.target', /\bnew\s*\.\s*target\b/], ['super', /\bsuper\s*[.[(]/], ['#private', /\.\s*#/]
];

/**
 * The names that the text of a function uses and does not declare, including globals. `import.meta` counts as a name. So do `super`,
 * `new.target` and private names if they belong to code outside of the text.
 * @throws SyntaxError
 */
export function freeVariables(text: string): string[] {
  const free = new Set<string>();
  const uses: [string, Scope][] = [];
  const root = new Scope(undefined, true);
  const names = parse(text);
  visit(names, root);
  // Hoisting: names are looked up when all of them are declared.
  for (const [name, scope] of uses) if (!scope.has(name)) free.add(name);
  return [...free];

  function visit(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, scope);
      return;
    }
    if (typeof value !== 'object' || value === null || typeof (value as Anything).type !== 'string') return;
    const node = value as AnyNode;
    switch (node.type) {
      case 'Identifier':
        uses.push([node.name, scope]);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression': {
        let outer = scope;
        if (node.id) {
          if (node.type === 'FunctionDeclaration') {
            scope.names.add(node.id.name);
            // Annex B.3.2: in sloppy code the name is a variable of the function as well.
            scope.functionScope.names.add(node.id.name);
          } else {
            outer = new Scope(scope, false);
            outer.names.add(node.id.name);
          }
        }
        const inner = new Scope(outer, true, node.type !== 'ArrowFunctionExpression');
        for (const param of node.params) declare(param, inner, inner);
        // Variables of the body are not seen by the parameters' defaults; a scope of its own keeps them apart.
        if (node.body.type === 'BlockStatement') visit(node.body.body, new Scope(inner, true));
        else visit(node.body, inner);
        return;
      }
      case 'ClassDeclaration':
      case 'ClassExpression': {
        if (node.id && node.type === 'ClassDeclaration') scope.names.add(node.id.name);
        const inner = new Scope(scope, false);
        if (node.id) inner.names.add(node.id.name);
        visit(node.superClass, inner);
        visit(node.body.body, inner);
        return;
      }
      case 'StaticBlock':
        visit(node.body, new Scope(scope, true));
        return;
      case 'PropertyDefinition':
        if (node.computed) visit(node.key, scope);
        visit(node.value, new Scope(scope, true));
        return;
      case 'MethodDefinition':
      case 'Property':
        if (node.computed) visit(node.key, scope);
        visit(node.value, scope);
        return;
      case 'MemberExpression':
        visit(node.object, scope);
        if (node.computed) visit(node.property, scope);
        return;
      case 'VariableDeclaration':
        for (const {id, init} of node.declarations) {
          declare(id, node.kind === 'var' ? scope.functionScope : scope, scope);
          visit(init, scope);
        }
        return;
      case 'BlockStatement':
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'SwitchStatement':
        return children(node, new Scope(scope, false));
      case 'CatchClause': {
        const inner = new Scope(scope, false);
        if (node.param) declare(node.param, inner, inner);
        visit(node.body, inner);
        return;
      }
      case 'LabeledStatement':
        visit(node.body, scope);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'MetaProperty':
        if (node.meta.name === 'import') free.add('import.meta');
        return;
      default:
        children(node, scope);
    }
  }

  function children(node: AnyNode, scope: Scope): void {
    for (const [key, child] of Object.entries(node)) if (key !== 'type') visit(child, scope);
  }

  /** @param scope the scope of the names @param outer the scope in which defaults and computed keys are evaluated */
  function declare(pattern: Pattern | AnyNode, scope: Scope, outer: Scope): void {
    switch (pattern.type) {
      case 'Identifier': scope.names.add(pattern.name); return;
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') declare(property.argument, scope, outer);
          else {
            if (property.computed) visit(property.key, outer);
            declare(property.value, scope, outer);
          }
        }
        return;
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element) declare(element, scope, outer);
        return;
      case 'RestElement': declare(pattern.argument, scope, outer); return;
      case 'AssignmentPattern':
        declare(pattern.left, scope, outer);
        visit(pattern.right, outer);
        return;
      default: visit(pattern, outer);
    }
  }

  function parse(source: string): AnyNode {
    const options = {ecmaVersion: 'latest', sourceType: 'script', allowAwaitOutsideFunction: false} as const;
    let node: AnyNode;
    try {
      node = whole(`(${source}\n)`);
    } catch (error) {
      let object: AnyNode;
      try {
        object = whole(`({${source}\n})`);
      } catch {
        // Syntax errors in a script, where the text would run.
        for (const [name, pattern] of outsiders) if (pattern.test(source)) free.add(name);
        if (free.size) return {type: 'EmptyStatement', start: 0, end: 0};
        throw error;
      }
      if (object.type !== 'ObjectExpression' || object.properties.length !== 1 || object.properties[0]!.type !== 'Property') throw error;
      node = object.properties[0]!.value;
      if (usesSuper(node)) free.add('super');
    }
    if (node.type === 'EmptyStatement') return node;
    if (!['FunctionExpression', 'ArrowFunctionExpression'].includes(node.type)) throw new SyntaxError('The text is not that of a function');
    return node;

    function whole(code: string): AnyNode {
      const node = parseExpressionAt(code, 0, {...options, preserveParens: true});
      if (node.end !== code.length) throw new SyntaxError('The text goes on after the function');
      return node.type === 'ParenthesizedExpression' ? node.expression : node;
    }
  }
}

/** Methods may use `super`, which has no meaning without their object. Classes and object literals inside have their own `super`. */
function usesSuper(value: unknown): boolean {
  return someNode(value, node => node.type === 'Super', node => node.type === 'ClassBody' || node.type === 'ObjectExpression');
}

function someNode(value: unknown, test: (node: AnyNode) => boolean, stop: (node: AnyNode) => boolean): boolean {
  if (Array.isArray(value)) return value.some(item => someNode(item, test, stop));
  if (typeof value !== 'object' || value === null) return false;
  const node = value as AnyNode;
  if (typeof node.type === 'string' && (test(node) || stop(node))) return test(node);
  return Object.values(value).some(child => someNode(child, test, stop));
}
