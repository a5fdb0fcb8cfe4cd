import {type AnyNode, type Class, type Function, Parser, type Pattern} from 'acorn';
import {NameScope} from './name-scope.js';

/** Accepts, without their surroundings, the expressions that have a meaning only where a function was written. */
class FunctionParser extends Parser {
  get allowNewDotTarget(): boolean { return true; }
  get allowSuper(): boolean { return true; }
  get allowDirectSuper(): boolean { return true; }
  /**
   * acorn's check for names that are declared twice. The engine has compiled the function, so there are none. acorn 8.19 refuses two functions of one
   * name in a static block of a class, which ECMAScript allows (ClassStaticBlockStatementList has TopLevelLexicallyDeclaredNames).
   */
  declareName(): void {}
}

/** What looks like a name in code and is none. Functions and members of classes declare such names for their code. */
const ofFunctions = ['this', 'arguments', 'new.target'];
const ofFields = ['this', 'super', 'new.target'];

/**
 * The names that the text of a function uses and does not declare, including globals. `import.meta` counts as a name. So do `this`, `super`,
 * `new.target` and private names such as `#count` if they belong to code outside of the text.
 * @throws SyntaxError
 */
export function freeVariables(text: string): string[] {
  const free = new Set<string>();
  const uses: [string, NameScope][] = [];
  const blockFunctions: [string, NameScope][] = [];
  /** The parts of the node that is entered, in order. */
  const parts: [unknown, NameScope][] = [[parseFunction(text), new NameScope(undefined, 'function')]];
  // No recursion: thousands of chained calls, which engines accept, are as deep a tree.
  const pending: [unknown, NameScope][] = [];
  do {
    while (parts.length) pending.push(parts.pop()!);
    enter(...pending.pop()!);
  } while (parts.length || pending.length);
  // Hoisting: names are looked up when all of them are declared.
  for (const [name, scope] of blockFunctions) scope.hoistFunction(name);
  for (const [name, scope] of uses) if (!scope.has(name)) free.add(name);
  return [...free];

  /** Has a part of the node entered after those before it. */
  function visit(value: unknown, scope: NameScope): void {
    parts.push([value, scope]);
  }

  function enter(value: unknown, scope: NameScope): void {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, scope);
      return;
    }
    if (typeof value !== 'object' || value === null || typeof (value as {type?: unknown}).type !== 'string') return;
    const node = value as AnyNode;
    switch (node.type) {
      case 'Identifier':
        uses.push([node.name, scope]);
        return;
      case 'PrivateIdentifier':
        uses.push([`#${node.name}`, scope]);
        return;
      case 'ThisExpression':
        uses.push(['this', scope]);
        return;
      case 'Super':
        uses.push(['super', scope]);
        return;
      case 'MetaProperty':
        uses.push([`${node.meta.name}.${node.property.name}`, scope]);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return visitFunction(node, scope);
      case 'ClassDeclaration':
      case 'ClassExpression':
        return visitClass(node, scope);
      case 'StaticBlock':
        return visit(node.body, new NameScope(scope, 'function', ofFields));
      case 'PropertyDefinition':
        if (node.computed) visit(node.key, scope);
        return visit(node.value, new NameScope(scope, 'function', ofFields));
      case 'MethodDefinition':
      case 'Property': {
        if (node.computed) visit(node.key, scope);
        const isMethod = node.type === 'MethodDefinition' || node.method || node.kind !== 'init';
        return visit(node.value, isMethod ? new NameScope(scope, 'block', ['super']) : scope);
      }
      case 'MemberExpression':
        visit(node.object, scope);
        if (node.computed || node.property.type === 'PrivateIdentifier') visit(node.property, scope);
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
        return visitChildren(node, new NameScope(scope, 'block'));
      case 'CatchClause': {
        const inner = new NameScope(scope, node.param?.type === 'Identifier' ? 'catch' : 'block');
        if (node.param) declare(node.param, inner, inner);
        return visit(node.body, inner);
      }
      case 'LabeledStatement':
        return visit(node.body, scope);
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      default:
        visitChildren(node, scope);
    }
  }

  function visitChildren(node: AnyNode, scope: NameScope): void {
    for (const [key, child] of Object.entries(node)) if (key !== 'type') visit(child, scope);
  }

  function visitFunction(node: Function & AnyNode, scope: NameScope): void {
    const name = node.type === 'ArrowFunctionExpression' ? undefined : node.id?.name;
    let outer = scope;
    if (name !== undefined && node.type === 'FunctionDeclaration') {
      scope.names.add(name);
      if (!node.async && !node.generator) blockFunctions.push([name, scope]);
    } else if (name !== undefined) {
      outer = new NameScope(scope, 'block', [name]);
    }
    const inner = new NameScope(outer, 'function', node.type === 'ArrowFunctionExpression' ? [] : ofFunctions, scope.isStrict || isStrict(node));
    for (const param of node.params) declare(param, inner, inner);
    // Variables of the body are not seen by the parameters' defaults; a scope of its own keeps them apart.
    if (node.body.type === 'BlockStatement') visit(node.body.body, new NameScope(inner, 'function'));
    else visit(node.body, inner);
  }

  function visitClass(node: Class, scope: NameScope): void {
    if (node.id && node.type === 'ClassDeclaration') scope.names.add(node.id.name);
    const inner = new NameScope(scope, 'block', node.id ? [node.id.name] : [], true);
    for (const member of node.body.body) {
      if (member.type !== 'StaticBlock' && member.key.type === 'PrivateIdentifier') inner.names.add(`#${member.key.name}`);
    }
    visit(node.superClass, inner);
    visit(node.body.body, inner);
  }

  /** @param scope the scope of the names @param outer the scope in which defaults and computed keys are evaluated */
  function declare(pattern: Pattern | AnyNode, scope: NameScope, outer: NameScope): void {
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
}

function isStrict({body}: Function): boolean {
  return body.type === 'BlockStatement' && body.body.some(statement => statement.type === 'ExpressionStatement' && statement.directive === 'use strict');
}

/** The function with this text. The text may be that of a method or an accessor. @throws SyntaxError */
function parseFunction(text: string): AnyNode {
  let node: AnyNode;
  try {
    node = parseExpression(`(${text}\n)`);
  } catch (error) {
    let object: AnyNode;
    try {
      object = parseExpression(`({${text}\n})`);
    } catch {
      throw error;
    }
    if (object.type !== 'ObjectExpression' || object.properties.length !== 1 || object.properties[0]!.type !== 'Property') throw error;
    node = object.properties[0]!.value;
  }
  if (!['FunctionExpression', 'ArrowFunctionExpression'].includes(node.type)) throw new SyntaxError('The text is not that of a function');
  return node;
}

/** Parses an expression in parentheses, in the way in which a thread evaluates it: as a script. @throws SyntaxError */
function parseExpression(code: string): AnyNode {
  let hasHtmlComment = false;
  const parse = (sourceType: 'script' | 'module'): AnyNode => {
    const node = FunctionParser.parseExpressionAt(code, 0, {
      ecmaVersion: 'latest', sourceType, preserveParens: true, allowImportExportEverywhere: true, checkPrivateFields: false,
      onComment(_isBlock, _comment, start) { hasHtmlComment ||= code.startsWith('<!--', start); }
    }) as AnyNode;
    if (node.end !== code.length) throw new SyntaxError('The text goes on after the function');
    return node.type === 'ParenthesizedExpression' ? node.expression : node;
  };
  const node = parse('script');
  if (hasHtmlComment && isParsed(() => parse('module'))) {
    throw new SyntaxError('"<!--" starts a comment in scripts and consists of operators in modules. Write a space after "<"');
  }
  return node;
}

function isParsed(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}
