import {expect} from 'chai';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';
import type {RealOp} from '../../lib/host/upstream.js';

const require = createRequire(import.meta.url);

/** Each version of ShareDB that the library supports: `sharedb` and its aliases in package.json. */
const VERSIONS = ['sharedb', 'sharedb-6'];

/** The possible results of `kindOf` for a member; `any` stands for all, and requires only that the member exists. */
type Kinds = Set<string>;

describe('the undocumented behaviour of sharedb that the library relies on', () => {
  for (const name of VERSIONS) {
    const {version} = require(`${name}/package.json`) as {version: string};
    describe(`sharedb ${version} has`, () => {
      for (const [place, subject] of Object.entries(subjects(name))) {
        const [file, interfaceName] = place.split(' ') as [string, string];
        it(`all of ${interfaceName} of ${file}`, () => {
          const declared = [...members(file, interfaceName)];
          expect(declared).not.to.eql([]);
          expect(declared.flatMap(([member, kinds]) => wrong(subject, member, kinds))).to.eql([]);
        });
      }

      for (const {module, exported, isOptional} of declaredModules()) {
        it(`${exported} of ${module}`, () => {
          const actual = require(name + module.slice('sharedb'.length)) as Record<string, unknown>;
          const value = exported === 'default' ? actual : actual[exported];
          expect(value === undefined && isOptional ? 'function' : typeof value).to.equal('function');
        });
      }

      it('ops with their source, sequence number, type and callbacks', () => {
        const {connection} = parts(name);
        const doc = connection['get']!('c', 'another') as Methods;
        Object.assign(connection, {state: 'connected', canSend: true, id: 'me'});
        doc['create']!({}, () => {});
        doc['flush']!();
        doc['submitOp']!([], {source: 'here'});
        const {inflightOp: sent, pendingOps: [next]} = doc as unknown as {inflightOp: RealOp; pendingOps: RealOp[]};
        expect([sent.src, sent.seq, sent.source, kindOf(sent.callbacks), kindOf(sent.sentAt), sent.retries])
          .to.eql(['me', 1, true, 'array', 'number', 0]);
        expect([next!.source, next!.type!.name, next!.op]).to.eql(['here', 'json0', []]);
      });
    });
  }
});

type Methods = Record<string, (...args: unknown[]) => any>;

/** One object of each kind, on a connection without a server. */
function parts(name: string): Record<'connection' | 'doc' | 'query' | 'presence' | 'local' | 'remote', Methods> {
  const {Connection} = require(`${name}/lib/client`) as {Connection: new (socket: object) => Methods};
  const connection = new Connection({readyState: 0, send() {}, close() {}});
  connection['startBulk']!();
  const presence = connection['getDocPresence']!('c', 'd') as Methods;
  return {
    connection,
    doc: connection['get']!('c', 'd') as Methods,
    query: connection['createSubscribeQuery']!('c', {}, null, () => {}) as Methods,
    presence,
    local: presence['create']!('local') as Methods,
    remote: presence['_createRemotePresence']!('remote') as Methods
  };
}

/** The object that each interface describes, by file and interface. */
function subjects(name: string): Record<string, Record<string, unknown>> {
  const {connection, doc, query, presence, local, remote} = parts(name);
  return {
    'lib/tab/upstream.ts UpstreamConnection': connection,
    'lib/tab/upstream.ts UpstreamDoc': doc,
    'lib/tab/upstream.ts UpstreamQuery': query,
    'lib/tab/upstream.ts UpstreamPresence': presence,
    'lib/tab/upstream.ts UpstreamLocalDocPresence': local,
    'lib/tab/upstream.ts UpstreamRemoteDocPresence': remote,
    'lib/tab/events.ts TypedEvents': doc,
    'lib/host/upstream.ts RealConnection': connection,
    'lib/host/upstream.ts RealDoc': doc,
    'lib/host/upstream.ts RealQuery': query
  };
}

function wrong(subject: Record<string, unknown>, member: string, kinds: Kinds): string[] {
  if (!(member in subject)) return [`${member} is missing`];
  const kind = kindOf(subject[member]);
  return kinds.has('any') || kinds.has(kind) ? [] : [`${member} is ${kind}, not ${[...kinds].join(' or ')}`];
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

// ---- the declarations

function parse(file: string): ts.SourceFile {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  return ts.createSourceFile(file, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
}

function members(file: string, interfaceName: string): Map<string, Kinds> {
  const source = parse(file);
  const declaration = source.statements.find((statement): statement is ts.InterfaceDeclaration =>
    ts.isInterfaceDeclaration(statement) && statement.name.text === interfaceName);
  if (!declaration) throw new Error(`${file} declares no interface ${interfaceName}`);
  const found = new Map<string, Kinds>();
  for (const member of declaration.members) {
    const name = (member.name as ts.Identifier).text;
    const kinds = ts.isMethodSignature(member) ? ['function'] : kindsOf((member as ts.PropertySignature).type!, declaration);
    found.set(name, new Set([...(found.get(name) ?? []), ...kinds]));
  }
  return found;
}

function kindsOf(type: ts.TypeNode, {typeParameters}: ts.InterfaceDeclaration): string[] {
  if (ts.isUnionTypeNode(type)) return type.types.flatMap(part => kindsOf(part, {typeParameters} as ts.InterfaceDeclaration));
  if (ts.isLiteralTypeNode(type)) return ['null'];
  if (ts.isArrayTypeNode(type)) return ['array'];
  if (ts.isFunctionTypeNode(type)) return ['function'];
  if (ts.isTypeReferenceNode(type)) {
    const isParameter = typeParameters?.some(({name}) => name.text === (type.typeName as ts.Identifier).text);
    return isParameter ? ['any'] : ['object'];
  }
  const keyword = ts.tokenToString(type.kind);
  return keyword === undefined || keyword === 'unknown' ? ['any'] : [keyword];
}

function declaredModules(): {module: string; exported: string; isOptional: boolean}[] {
  const ofSharedb = (node: ts.Statement): node is ts.ModuleDeclaration => ts.isModuleDeclaration(node) && node.name.text.startsWith('sharedb/');
  return parse('lib/sharedb.d.ts').statements.filter(ofSharedb).flatMap(({name, body}) =>
    (body as ts.ModuleBlock).statements.flatMap(statement => {
      const module = (name as ts.StringLiteral).text;
      if (ts.isFunctionDeclaration(statement)) return [{module, exported: statement.name!.text, isOptional: false}];
      if (ts.isExportAssignment(statement)) return [{module, exported: 'default', isOptional: false}];
      if (!ts.isVariableStatement(statement) || !statement.modifiers) return [];
      return statement.declarationList.declarations.map(({name: variable, type}) => ({
        module,
        exported: (variable as ts.Identifier).text,
        isOptional: !!type && ts.isUnionTypeNode(type)
      }));
    }));
}
