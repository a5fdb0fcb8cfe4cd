import {connectionOf, evaluate, recorder, wrap, type Call, type Remote, type Stub} from 'sharedb-tabs/remote';
import {exact} from './exact.js';

interface Tree {
  value: number;
  children(): Tree[];
  parent: Tree;
}

interface Service {
  count: number;
  increment(by?: number): number;
  later(): Promise<string>;
  each(callback: (n: number, more: {deep: () => number}) => void): void;
  rows(): AsyncIterable<{id: string}>;
  first<T>(list: T[]): T;
  over(a: string): string;
  over(a: number): number;
  any: any;
  tree: Tree;
  Thing: new (name: string) => {name: string; rename(name: string): void};
}

declare const endpoint: Worker;
const service = wrap<Service>(endpoint);

export async function uses(): Promise<void> {
  const n = await service.increment(1);
  exact<number>()(n);
  const text = await service.later();
  exact<string>()(text);
  const count = await service.count;
  exact<number>()(count);
  // A callback's parameters are inferred, functions in them are remote.
  await service.each(async (value, more) => {
    const deep: number = await more.deep();
    exact<number>()(value);
    void deep;
  });
  for await (const row of service.rows()) row.id satisfies string;
  const over: number = await service.over(1);
  const whatever: unknown = await service.any.whatever.is(1);
  const thing = new service.Thing('x');
  await thing.rename('y');
  const name: string = await thing.name;
  const value: number = await service.tree.parent.parent.value;
  void [over, whatever, name, value];
  const both = await evaluate({a: service.count, b: 'x'});
  exact<{a: number; b: string}>()(both);
  connectionOf(service).close();
  // @ts-expect-error: there is no such method
  await service.nothing();
  // @ts-expect-error: of another type
  await service.increment('1');
}

export async function drives(): Promise<void> {
  const page = wrap<Window & typeof globalThis>(endpoint as never);
  const button = page.document.createElement('button');
  await page.document.body.append(button as never);
  const recorded = recorder<Window & typeof globalThis>(endpoint as never);
  recorded['name'] = 'x';
  const made = recorded.document.createElement('button');
  made.textContent = 'x';
  made.onclick = () => {};
  const node = {} as Remote<HTMLElement>;
  // What takes a Node takes a stub of an element.
  const asNode: Stub<Node> = node;
  const anything = wrap<any>(endpoint);
  await anything.a.b.c();
  const call = {} as Call<Tree>;
  const asTree: Stub<Tree> = call;
  void [asNode, asTree];
}

declare const never: Remote<{fail(): never; hang(): Promise<never>}>;

export async function rejects(): Promise<void> {
  // What never returns can be awaited all the same.
  await never.fail().then(() => 1, () => 2);
  await never.hang().catch(() => {});
}
