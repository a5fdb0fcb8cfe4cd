import {expect} from 'chai';
import {mongoQueries} from '../../lib/mongo-queries.js';

/** The answer as the host computes it. */
function answer(query: object, docs: Record<string, unknown>): {ids: string[]; extra?: unknown} | undefined {
  const queries = mongoQueries();
  const all = Object.entries(docs).map(([id, data]) => ({id, data}));
  const matches = all.map(({id, data}) => queries.matches('c', query, data, id));
  if (matches.includes(undefined)) return undefined;
  const {results = [], extra} = queries.select!('c', query, all.filter((_, i) => matches[i])) ?? {};
  return {ids: results.map(({id}) => id), ...(extra !== undefined && {extra})};
}

describe('mongoQueries', () => {
  const docs = {a: {n: 3, tags: ['x'], who: {name: 'Ann'}}, b: {n: 1, tags: []}, c: {n: 2, tags: ['x', 'y']}, d: 'text', e: {n: 2}};

  it('evaluates conditions', () => {
    expect(answer({}, docs)).to.eql({ids: ['a', 'b', 'c', 'd', 'e']});
    expect(answer({n: {$gte: 2}}, docs)).to.eql({ids: ['a', 'c', 'e']});
    expect(answer({'who.name': 'Ann'}, docs)).to.eql({ids: ['a']});
    expect(answer({tags: 'x', $or: [{n: 2}, {n: 7}]}, docs)).to.eql({ids: ['c']});
    expect(answer({_id: {$in: ['b', 'd']}}, docs)).to.eql({ids: ['b', 'd']});
    expect(answer({_data: 'text'}, docs)).to.eql({ids: ['d']});
    expect(answer({n: {$exists: false}}, docs)).to.eql({ids: ['d']});
  });

  it('evaluates $sort, $skip, $limit and $count', () => {
    const all = {n: {$exists: true}};
    expect(answer({...all, $sort: {n: 1}}, docs)).to.eql({ids: ['b', 'c', 'e', 'a']});
    expect(answer({...all, $sort: {n: -1, _id: -1}, $skip: 1, $limit: 2}, docs)).to.eql({ids: ['e', 'c']});
    expect(answer({...all, $limit: 0}, docs)!.ids).to.have.length(4);
    expect(answer({...all, $count: true}, docs)).to.eql({ids: [], extra: 4});
    expect(answer({...all, $skip: 3, $count: true}, docs)).to.eql({ids: [], extra: 1});
  });

  it('uses the last results for unknown operators', () => {
    expect(answer({$aggregate: []}, docs)).to.equal(undefined);
    expect(answer({$text: {$search: 'x'}}, docs)).to.equal(undefined);
    expect(() => answer({n: {$nonsense: 1}}, docs)).to.throw();
    for (const $sort of ['n', [['n', 1]], {n: 'desc'}, {n: 0}, {n: {$meta: 'textScore'}}]) expect(answer({$sort}, docs)).to.equal(undefined);
    for (const $skip of [-1, 1.5, '1']) expect(answer({$skip}, docs)).to.equal(undefined);
    for (const $limit of [-1, 1.5, 'x']) expect(answer({$limit}, docs)).to.equal(undefined);
    expect(mongoQueries().select!('c', {$aggregate: []}, [])).to.equal(undefined);
  });

  it('uses the last results for fields that only the database has', () => {
    for (const query of [{'_m.mtime': {$gt: 5}}, {_type: 'x'}, {$and: [{_v: 3}]}, {$or: [{n: 1}, {$nor: [{_o: 1}]}]}, {$sort: {'_m.mtime': -1}}]) {
      expect(answer(query, docs), JSON.stringify(query)).to.equal(undefined);
    }
    expect(answer({_more: {$exists: true}}, {a: {_more: 1}, b: {}})).to.eql({ids: ['a']});
  });

  it('ignores $comment', () => {
    expect(answer({n: 1, $comment: 'why'}, docs)).to.eql({ids: ['b']});
  });
});
