import {expect} from 'chai';
import {FencedError, UnclaimedError, type Change, type DocKey, type Storage, type StoredDoc} from '../../lib/store/storage.js';
import type {Disk} from './disks.js';

const ONE: DocKey = ['notes', 'one'];
const TWO: DocKey = ['notes', 'two'];

const append = (key: DocKey, n: number, record = `record ${n}`): Change => ({type: 'append', key, n, record});
const checkpoint = (key: DocKey, n: number, text = `checkpoint ${n}`, hasPending = false): Change =>
  ({type: 'checkpoint', key, n, checkpoint: text, hasPending});
const meta = (name: string, value: string | undefined): Change => ({type: 'meta', name, value});

/** Names that may be difficult for a storage. */
const NAMES: DocKey[] = [
  ['__proto__', 'constructor'], ['constructor', '__proto__'], ['toString', 'hasOwnProperty'], ['', ''], ['', 'a'], ['a', ''],
  ['a', 'b,c'], ['a,b', 'c'], ['a"', '"b'], ['a","b', 'c'], ['a:b', 'c'], ['a', 'b:c'], ['a/b', 'c'], ['a', 'b/c'], ['a\u0000b', 'c'],
  ['a', '\u0000b\u0000c'], ['a.b', 'c'], ['a', 'b.c'], ['notes', '1'], ['notes', '01'], ['notes', '1.0'], ['Notes', '1'],
  ['ünïcödé', 'é'], ['ünïcödé', 'e\u0301'], ['🗒️', '👩‍👩‍👧'], ['日本', '\uffff'], ['notes', 'x'.repeat(100_000)], ['notes', `${'x'.repeat(100_000)}y`]
];

/** Runs the tests of everything that a DurableStore requires of a storage. */
export function describeStorage(name: string, makeDisk: () => Disk): void {
  describe(`the storage contract: ${name}`, () => {
    let disk: Disk;
    let storage: Storage;
    const opened: Storage[] = [];

    async function open(namespace = 'default', epoch: string | null = 'epoch'): Promise<Storage> {
      const made = disk.storage();
      opened.push(made);
      await made.open(namespace);
      if (epoch !== null) await made.claim(epoch);
      return made;
    }
    const write = (...changes: Change[]): Promise<void> => storage.write(changes, 'epoch');
    const read = async (key: DocKey): Promise<unknown> => (await storage.read([key]))[0];
    const pending = async (): Promise<unknown[]> =>
      (await storage.inventory()).map(({key, hasPending}) => [...key, hasPending]).sort();

    beforeEach(async () => {
      disk = makeDisk();
      storage = await open();
    });
    afterEach(() => { for (const one of opened.splice(0)) one.close(); });

    it('reads nothing of unknown documents', async () => {
      expect(await read(ONE)).to.eql({checkpoint: undefined, journal: []});
      expect(await storage.inventory()).to.eql([]);
    });

    it('reads a journal in the order of its numbers, over several writes', async () => {
      await write(append(ONE, 1), append(ONE, 2));
      await write(append(ONE, 9), append(ONE, 10), append(ONE, 11));
      await write(append(ONE, 100));
      expect(await read(ONE)).to.eql({
        checkpoint: undefined, journal: [1, 2, 9, 10, 11, 100].map(n => ({n, record: `record ${n}`}))
      });
    });

    it('stores a repeated record once', async () => {
      await write(append(ONE, 1), append(ONE, 2));
      await write(append(ONE, 1), append(ONE, 2), append(ONE, 3));
      expect(await read(ONE)).to.eql({checkpoint: undefined, journal: [1, 2, 3].map(n => ({n, record: `record ${n}`}))});
    });

    it('stores repeated records once, also together with others', async () => {
      await write(append(ONE, 1), append(TWO, 1), append(ONE, 2));
      await write(append(ONE, 1), append(ONE, 2), append(ONE, 3));
      await write(append(ONE, 2), append(TWO, 2), append(ONE, 3));
      expect(((await read(ONE)) as StoredDoc).journal.map(({n}) => n)).to.eql([1, 2, 3]);
      expect(((await read(TWO)) as StoredDoc).journal.map(({n}) => n)).to.eql([1, 2]);
    });

    it('cuts the journal at a checkpoint, and keeps later records', async () => {
      await write(append(ONE, 1), append(ONE, 2), append(ONE, 3));
      await write(checkpoint(ONE, 2));
      expect(await read(ONE)).to.eql({checkpoint: 'checkpoint 2', journal: [{n: 3, record: 'record 3'}]});
      await write(append(ONE, 4), checkpoint(ONE, 4), append(ONE, 5));
      expect(await read(ONE)).to.eql({checkpoint: 'checkpoint 4', journal: [{n: 5, record: 'record 5'}]});
    });

    it('applies the changes of a write in order', async () => {
      await write(append(ONE, 7), {type: 'remove', key: ONE}, append(ONE, 1));
      expect(await read(ONE)).to.eql({checkpoint: undefined, journal: [{n: 1, record: 'record 1'}]});
    });

    it('reads several documents in the requested order', async () => {
      await write(checkpoint(ONE, 0, 'the one'), checkpoint(TWO, 0, 'the other'));
      const checkpoints = (await storage.read([TWO, ['notes', 'none'], ONE, TWO])).map(stored => stored.checkpoint);
      expect(checkpoints).to.eql(['the other', undefined, 'the one', 'the other']);
      expect(await storage.read([])).to.eql([]);
    });

    for (const [which, step] of [['all of them', 1], ['a few of many', 7]] as const) {
      it(`reads many documents at once: ${which}`, async () => {
        const keys = Array.from({length: 700}, (_, i): DocKey => [i % 2 ? 'notes' : 'other', `${i}`]);
        await write(...keys.flatMap((key, i) => [checkpoint(key, 0, `of ${i}`), ...(i % 3 ? [append(key, 1), append(key, 2)] : [])]));
        const asked = keys.filter((_, i) => i % step === 0).reverse();
        const stored = await storage.read([...asked, ['notes', 'never written']]);
        expect(stored.at(-1)).to.eql({checkpoint: undefined, journal: []});
        expect(stored.slice(0, -1)).to.eql(asked.map(([, d]) => ({
          checkpoint: `of ${d}`,
          journal: Number(d) % 3 ? [{n: 1, record: 'record 1'}, {n: 2, record: 'record 2'}] : []
        })));
      });
    }

    it('deletes a document, and no other one', async () => {
      await write(checkpoint(ONE, 0), append(ONE, 1), append(TWO, 1));
      await write({type: 'remove', key: ONE}, {type: 'remove', key: ['notes', 'none']});
      expect(await read(ONE)).to.eql({checkpoint: undefined, journal: []});
      expect(await pending()).to.eql([['notes', 'two', true]]);
    });

    it('knows which documents have pending ops', async () => {
      await write(checkpoint(ONE, 0), checkpoint(TWO, 0, 'text', true), append(['notes', 'three'], 1), append(['notes', 'four'], 1));
      await write(checkpoint(['notes', 'four'], 1));
      expect(await pending()).to.eql([
        ['notes', 'four', false], ['notes', 'one', false], ['notes', 'three', true], ['notes', 'two', true]
      ]);
      await write(checkpoint(TWO, 0), append(ONE, 1));
      expect(await pending()).to.eql([
        ['notes', 'four', false], ['notes', 'one', true], ['notes', 'three', true], ['notes', 'two', false]
      ]);
    });

    it('returns the stored values with a claim', async () => {
      await write(meta('name', 'value'), meta('__proto__', 'not a prototype'), meta('epoch', 'a word like any other'), meta('gone', 'x'));
      await write(meta('name', 'another value'), meta('gone', undefined), meta('never there', undefined));
      const kept = await storage.claim('next');
      expect(Object.entries(kept).sort()).to.eql([
        ['__proto__', 'not a prototype'], ['epoch', 'a word like any other'], ['name', 'another value']
      ]);
    });

    it('keeps everything for the next process', async () => {
      await write(checkpoint(ONE, 1, 'text', true), append(ONE, 2), meta('name', 'value'));
      storage.close();
      storage = await open('default', null);
      expect(await storage.claim('next')).to.eql({name: 'value'});
      expect(await read(ONE)).to.eql({checkpoint: 'text', journal: [{n: 2, record: 'record 2'}]});
      expect(await pending()).to.eql([['notes', 'one', true]]);
    });

    it('writes nothing for an epoch that lost its claim', async () => {
      await write(append(ONE, 1));
      const next = await open('default', 'next');
      const error = await storage.write([append(ONE, 2), checkpoint(TWO, 0), meta('name', 'value')], 'epoch').catch((e: unknown) => e);
      expect(error).to.be.instanceOf(FencedError);
      expect(await next.read([ONE, TWO])).to.eql([
        {checkpoint: undefined, journal: [{n: 1, record: 'record 1'}]}, {checkpoint: undefined, journal: []}
      ]);
      await next.write([append(ONE, 2, 'of the next')], 'next');
      expect(await next.read([ONE])).to.eql([
        {checkpoint: undefined, journal: [{n: 1, record: 'record 1'}, {n: 2, record: 'of the next'}]}
      ]);
      expect(await next.claim('last')).to.eql({});
    });

    it('appends nothing for an epoch that lost its claim', async () => {
      await write(append(ONE, 1));
      const next = await open('default', 'next');
      expect(await write(append(ONE, 2), append(TWO, 1)).catch((e: unknown) => e)).to.be.instanceOf(FencedError);
      expect(await next.read([ONE, TWO])).to.eql([
        {checkpoint: undefined, journal: [{n: 1, record: 'record 1'}]}, {checkpoint: undefined, journal: []}
      ]);
    });

    it('shows by a write without changes whether it can write', async () => {
      await write();
      await open('default', 'next');
      expect(await write().catch((e: unknown) => e)).to.be.instanceOf(FencedError);
    });

    it('accepts any document names, and keeps them separate', async () => {
      await write(...NAMES.flatMap((key, i) => [checkpoint(key, 1, `text ${i}`, i % 2 === 0), append(key, 2, `record ${i}`)]));
      const stored = await storage.read(NAMES);
      expect(stored).to.eql(NAMES.map((_, i) => ({checkpoint: `text ${i}`, journal: [{n: 2, record: `record ${i}`}]})));
      const names = (await storage.inventory()).map(({key}) => JSON.stringify(key)).sort();
      expect(names).to.eql(NAMES.map(key => JSON.stringify(key)).sort());
      await write(...NAMES.slice(1).map((key): Change => ({type: 'remove', key})));
      expect((await storage.inventory()).map(({key}) => key)).to.eql([NAMES[0]]);
    });

    it('returns texts unchanged, also long ones and ill-formed Unicode', async () => {
      const texts = ['', '\u0000', '\ud800', '"\\\n', 'é e\u0301 👩‍👩‍👧', 'long '.repeat(400_000)];
      await write(...texts.flatMap((text, i) => [checkpoint(['texts', String(i)], 0, text), append(['texts', String(i)], 1, text)]));
      const stored = await storage.read(texts.map((_, i): DocKey => ['texts', String(i)]));
      expect(stored.every(({checkpoint, journal}, i) => checkpoint === texts[i] && journal[0]?.record === texts[i])).to.equal(true);
    });

    it('keeps namespaces separate', async () => {
      await write(checkpoint(ONE, 0), append(TWO, 1), meta('name', 'value'));
      storage.close();
      storage = await open('another', null);
      expect(await storage.claim('epoch')).to.eql({});
      expect([await read(ONE), await storage.inventory()]).to.eql([{checkpoint: undefined, journal: []}, []]);
      await write(append(ONE, 1, 'another'));
      storage.close();
      storage = await open();
      expect(await read(ONE)).to.eql({checkpoint: 'checkpoint 0', journal: []});
    });

    it('is empty after it was cleared, and refuses writes of earlier claims', async () => {
      await write(checkpoint(ONE, 0), append(TWO, 1), meta('name', 'value'));
      await storage.clear();
      await storage.clear();
      expect(await write(append(ONE, 1)).catch((e: unknown) => e)).to.be.instanceOf(Error);
      storage = await open('default', null);
      expect(await write(append(ONE, 1)).catch((e: unknown) => e)).to.be.instanceOf(UnclaimedError);
      expect(await storage.claim('next')).to.eql({});
      expect([await read(ONE), await read(TWO), await storage.inventory()])
        .to.eql([{checkpoint: undefined, journal: []}, {checkpoint: undefined, journal: []}, []]);
    });

    it('is empty also if it is cleared during a write', async () => {
      const writing = Promise.allSettled([write(append(ONE, 1)), write(append(ONE, 2))]);
      await storage.clear();
      await writing;
      storage = await open();
      expect(await storage.inventory()).to.eql([]);
    });

    it('may be closed twice', () => {
      storage.close();
      storage.close();
    });

    it('accepts thousands of records in one write', async () => {
      const count = 5000;
      await write(...Array.from({length: count}, (_, i) => append(i % 2 ? ONE : TWO, i)));
      await write(checkpoint(ONE, count - 100));
      const [one, two] = await storage.read([ONE, TWO]);
      expect(one!.journal.map(({n}) => n)).to.eql(Array.from({length: 50}, (_, i) => count - 99 + 2 * i));
      expect(two!.journal.map(({n}) => n)).to.eql(Array.from({length: count / 2}, (_, i) => 2 * i));
    });

    it('accepts thousands of documents', async () => {
      const keys = Array.from({length: 2000}, (_, i): DocKey => ['notes', `n${i}`]);
      await write(...keys.map((key, i) => checkpoint(key, 0, `text ${i}`)));
      expect(await storage.inventory()).to.have.length(keys.length);
      expect((await storage.read(keys)).map(({checkpoint}) => checkpoint)).to.eql(keys.map((_, i) => `text ${i}`));
    });
  });
}
