import {expect} from 'chai';
import {createElement, memo, useEffect, type ReactElement} from 'react';
import {useDoc} from '../../lib/react.js';
import {until} from '../waiting/until.js';
import {ReactStage} from './stage.js';

const DOCS = 100;
const COMPONENTS = 1000;
const FIELDS = COMPONENTS / DOCS;
const OPS = 50;
const OPS_PER_SECOND = 50;

describe('1,000 components on 100 documents', function () {
  this.timeout(120_000);
  let stage: ReactStage;

  beforeEach(() => {
    stage = new ReactStage();
  });
  afterEach(() => stage.close());

  it('render again only if their data have changed, with 50 ops in a second', async () => {
    /** How often each component has rendered, by document and field. */
    const commits = new Map<string, number>();
    const shown = new Map<string, number>();
    const Field = memo(({id, field}: {id: string; field: string}): ReactElement => {
      const {data} = useDoc<Record<string, number>>('boards', id, {select: (board: Record<string, number>) => board[field]} as never) as {data: number | undefined};
      useEffect(() => {
        const key = `${id}/${field}`;
        commits.set(key, (commits.get(key) ?? 0) + 1);
        if (data !== undefined) shown.set(key, data);
      });
      return createElement('i', null, String(data));
    });
    const ids = Array.from({length: DOCS}, (_, index) => `board ${index}`);
    const fields = Array.from({length: FIELDS}, (_, index) => `f${index}`);
    const writer = stage.connect();
    await Promise.all(ids.map(id => writer.get('boards', id).create(Object.fromEntries(fields.map(field => [field, 0])))));
    const reader = stage.connect();
    stage.render(reader, ids.flatMap(id => fields.map(field => createElement(Field, {key: `${id}/${field}`, id, field}))));
    await until('all are there', () => shown.size === COMPONENTS);
    commits.clear();

    const started = performance.now();
    const touched = new Map<string, number>();
    const saved: Promise<void>[] = [];
    for (let number = 0; number < OPS; number++) {
      const wait = started + number * 1000 / OPS_PER_SECOND - performance.now();
      if (wait > 0) await new Promise(resolve => { setTimeout(resolve, wait); });
      const [id, field] = [ids[(number * 37) % DOCS]!, fields[(number * 7) % FIELDS]!];
      saved.push(writer.get('boards', id).submitOp([{p: [field], na: 1}]));
      touched.set(`${id}/${field}`, (touched.get(`${id}/${field}`) ?? 0) + 1);
    }
    await Promise.all(saved);
    await until('all show it', () => [...touched].every(([key, count]) => shown.get(key) === count));
    console.log(`      ${OPS} ops, ${OPS_PER_SECOND} a second, on ${DOCS} documents with ${COMPONENTS} components: shown and acknowledged after ${Math.round(performance.now() - started)} ms`);
    expect([...commits.keys()].filter(key => !touched.has(key))).to.eql([]);
    for (const [key, count] of commits) expect(count, key).to.be.at.most(touched.get(key)!);
  });
});
