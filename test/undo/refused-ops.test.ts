import {expect} from 'chai';
import json1 from 'ot-json1';
import client from 'sharedb/lib/client/index.js';
import type {ProxyDoc} from '../../lib/index.js';
import {UndoManager} from '../../lib/undo.js';
import {until} from '../waiting/until.js';
import {UndoStage} from './stage.js';

interface Edits {
  initial: unknown;
  insert(at: number, item: string): unknown;
  remove(at: number, item: string): unknown;
  read(data: any): string;
  /** Whether ShareDB's own client can take back an op by itself. If it can't, it loads the document again, without all later ops. */
  isInvertible: boolean;
}

const skip = (count: number): number[] => (count ? [count] : []);
const list = (make: Pick<Edits, 'insert' | 'remove'>): Edits => (
  {initial: {list: [...'abcdef']}, read: data => data.list.join(''), isInvertible: true, ...make}
);

const types: Record<string, Edits> = {
  'rich-text': {
    initial: [{insert: 'abcdef'}],
    insert: (at, item) => [...skip(at).map(retain => ({retain})), {insert: item}],
    remove: at => [...skip(at).map(retain => ({retain})), {delete: 1}],
    read: data => data.ops.map(({insert}: {insert: string}) => insert).join(''),
    isInvertible: false
  },
  'text-unicode': {
    initial: 'abcdef',
    insert: (at, item) => [...skip(at), item],
    remove: at => [...skip(at), {d: 1}],
    read: data => data,
    isInvertible: false
  },
  [client.types.defaultType!.uri!]: list({
    insert: (at, item) => [{p: ['list', at], li: item}],
    remove: (at, item) => [{p: ['list', at], ld: item}]
  }),
  [json1.type.uri!]: list({
    insert: (at, item) => json1.insertOp(['list', at], item),
    remove: (at, item) => json1.removeOp(['list', at], item as never)
  })
};

describe('a refused op leaves the undo stack as if it had never been made', () => {
  for (const [type, {initial, insert, remove, read, isInvertible}] of Object.entries(types)) {
    for (const kind of ["scope 'tab'", "scope 'browser'", "ShareDB's own client"] as const) {
      if (kind === "ShareDB's own client" && !isInvertible) continue;
      describe(`${type} document, ${kind}`, () => {
        let stage: UndoStage;
        let doc: ProxyDoc;
        let undo: UndoManager;
        const shown = (): string => read(doc.data);
        /** How the server answers an op. */
        let answer: (next: (error?: Error) => void) => void;
        const submit = (op: unknown): Promise<unknown> => new Promise(resolve => { doc.submitOp(op, resolve); });

        beforeEach(async () => {
          stage = await UndoStage.open(type, initial, {tabs: 2});
          doc = (kind === "ShareDB's own client" ? stage.remotes[0] : stage.tabs[0]) as ProxyDoc;
          answer = next => next();
          stage.backend.use('submit', (_context, next) => answer(next));
          undo = new UndoManager(doc, {scope: kind === "scope 'browser'" ? 'browser' : 'tab'});
        });

        afterEach(() => {
          undo.close();
          stage.close();
        });

        it('in a step with an op that the server has accepted before', async () => {
          await submit(insert(0, 'X'));
          await stage.settle();
          answer = next => next(new Error('Refused'));
          expect(await submit(remove(3, 'c'))).to.include({message: 'Refused'});
          answer = next => next();
          await stage.settle();
          expect(shown()).to.equal('Xabcdef');
          while (await undo.undo());
          expect(shown()).to.equal('abcdef');
          while (await undo.redo());
          expect(shown()).to.equal('Xabcdef');
          await stage.settle();
        });

        it('in a step with ops that the server accepts before and after', async () => {
          await submit(insert(0, 'X'));
          await stage.settle();
          const arrived: ((error?: Error) => void)[] = [];
          answer = next => arrived.push(next);
          void submit(remove(3, 'c'));
          await until('the server has got the op', () => arrived.length === 1);
          const later = submit(remove(4, 'e'));
          arrived[0]!(new Error('Refused'));
          await until('the server has got the op behind it', () => arrived.length === 2);
          arrived[1]!();
          expect(await later).to.equal(undefined);
          answer = next => next();
          await stage.settle();
          expect(shown()).to.equal('Xabcdf');
          while (await undo.undo());
          expect(shown()).to.equal('abcdef');
          while (await undo.redo());
          expect(shown()).to.equal('Xabcdf');
          await stage.settle();
        });

        for (const types of [false, true]) {
          it(`that was a removal, and was undone before${types ? ', with an edit after that' : ''}`, async () => {
            const arrived: ((error?: Error) => void)[] = [];
            answer = next => arrived.push(next);
            const refused = submit(remove(2, 'c'));
            await until('the server has got the op', () => arrived.length === 1);
            expect(await undo.undo()).to.equal(true);
            expect(shown()).to.equal('abcdef');
            if (types) void submit(insert(1, 'X'));
            answer = next => next();
            arrived[0]!(new Error('Refused'));
            expect(await refused).to.include({message: 'Refused'});
            const expected = types ? 'aXbcdef' : 'abcdef';
            await until('the text is there once', () => shown() === expected && undo.canUndo === types);
            expect(undo.canRedo).to.equal(false);
            await stage.settle();
            expect(stage.all.map(({data}) => read(data))).to.eql(stage.all.map(() => expected));
            while (await undo.undo());
            expect(shown()).to.equal('abcdef');
            while (await undo.redo());
            expect(shown()).to.equal(expected);
            await stage.settle();
          });
        }

        it('that was a removal, and was undone before; a change that the server refuses to undo is a step', async () => {
          const count = (data: unknown): number => read(data).split('c').length - 1;
          let isRefusing = true;
          let before = 0;
          stage.backend.use('apply', ({snapshot}, next) => { before = count(snapshot!.data); next(); });
          stage.backend.use('commit', ({snapshot}, next) => next(isRefusing && count(snapshot!.data) < before ? new Error('Refused') : undefined));
          const errors: string[] = [];
          undo.on('error', ({message}) => errors.push(message));
          const arrived: (() => void)[] = [];
          answer = next => arrived.push(next);
          const refused = submit(remove(2, 'c'));
          await until('the server has got the op', () => arrived.length === 1);
          expect(await undo.undo()).to.equal(true);
          answer = next => next();
          arrived[0]!();
          expect(await refused).to.include({message: 'Refused'});
          await until('the text is there twice', () => errors.length === 1 && shown() === 'abccdef');
          expect(errors).to.eql(['Refused']);
          isRefusing = false;
          await submit(insert(0, 'X'));
          await stage.settle();
          expect(shown()).to.equal('Xabccdef');
          const ends = ['Xabccdef'];
          for (const action of ['undo', 'redo'] as const) {
            while (await undo[action]()) {
              ends.push(shown());
              await stage.settle();
              expect(stage.all.map(({data}) => read(data))).to.eql(stage.all.map(() => ends.at(-1)));
            }
          }
          expect(ends).to.eql(['Xabccdef', 'abccdef', 'abcdef', 'abccdef', 'Xabccdef']);
        });
      });
    }

    it(`and no later op that ShareDB's own client drops with it, in a ${type} document`, async () => {
      const stage = await UndoStage.open(type, initial, {tabs: 1});
      const [doc] = stage.remotes;
      const undo = new UndoManager(doc!, {captureTimeout: 0});
      const answers: ((error?: Error) => void)[] = [];
      let answer = (next: (error?: Error) => void): unknown => answers.push(next);
      stage.backend.use('submit', (_context, next) => { answer(next); });
      const errors: string[] = [];
      const submit = (op: unknown): void => doc!.submitOp(op as never, undefined, error => { if (error) errors.push(error.message); });
      submit(insert(0, 'X'));
      await until('the server has got the op', () => answers.length === 1);
      submit(remove(3, 'c'));
      answers.shift()!();
      await until('the server has got the removal', () => answers.length === 1);
      submit(insert(0, 'Y'));
      answer = next => next();
      answers.shift()!(new Error('Refused'));
      await until('the op is taken back', () => read(doc!.data ?? initial).includes('c') && !doc!.hasWritePending());
      await stage.settle();
      const expected = isInvertible ? 'YXabcdef' : 'Xabcdef';
      expect(read(doc!.data)).to.equal(expected);
      expect(errors).to.eql(isInvertible ? ['Refused'] : ['Refused', 'Refused']);
      while (await undo.undo());
      expect(read(doc!.data)).to.equal('abcdef');
      while (await undo.redo());
      expect(read(doc!.data)).to.equal(expected);
      await stage.settle();
      undo.close();
      stage.close();
    });
  }

  it("and what others have written meanwhile, in a rich-text document that ShareDB's own client loads again", async () => {
    const {initial, insert, remove, read} = types['rich-text']!;
    const stage = await UndoStage.open('rich-text', initial, {tabs: 1});
    const doc = stage.backend.connect().get('docs', 'one');
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error) : resolve())));
    const undo = new UndoManager(doc, {captureTimeout: 0});
    await new Promise(resolve => doc.submitOp(insert(0, 'X') as never, undefined, resolve));
    let refuse: (() => void) | undefined;
    stage.backend.use('submit', ({op}, next) => {
      if (JSON.stringify(op).includes('delete')) refuse = () => next(new Error('Refused'));
      else next();
    });
    const refused = new Promise(resolve => doc.submitOp(remove(3, 'c') as never, undefined, resolve));
    await until('the server has got the op', () => !!refuse);
    await new Promise(resolve => stage.remotes[0]!.submitOp(insert(7, 'Z') as never, undefined, resolve));
    refuse!();
    expect(await refused).to.include({message: 'Refused'});
    expect(read(doc.data)).to.equal('XabcdefZ');
    while (await undo.undo());
    expect(read(doc.data)).to.equal('abcdefZ');
    while (await undo.redo());
    expect(read(doc.data)).to.equal('XabcdefZ');
    undo.close();
    stage.close();
  });
});

describe("an undo by ShareDB's own client that the server refuses", () => {
  for (const [type, {initial, insert, read}] of Object.entries(types)) {
    // A Delta does not state what it removes: ShareDB's client loads the document again.
    if (type === 'rich-text') continue;
    it(`is rolled back without a reload of a ${type} document, and can be made again`, async () => {
      const stage = await UndoStage.open(type, initial);
      const doc = stage.remotes[0] as unknown as ProxyDoc;
      const undo = new UndoManager(doc);
      try {
        let refuses = false;
        stage.backend.use('submit', (_context, next) => next(refuses ? new Error('Refused') : undefined));
        await new Promise(resolve => { doc.submitOp(insert(0, 'X'), resolve); });
        await stage.settle();
        // To transform the step over the other edit, the types drop the statement of the removed text.
        await stage.tabs[0]!.submitOp(insert(3, 'Y'));
        await stage.settle();
        refuses = true;
        let loads = 0;
        doc.on('load', () => { loads++; });
        const refused = new Promise<Error>(resolve => undo.on('error', resolve));
        expect(await undo.undo()).to.equal(true);
        expect(await refused).to.include({message: 'Refused'});
        await stage.settle();
        expect(stage.all.map(({data}) => read(data))).to.eql(stage.all.map(() => 'XabYcdef'));
        expect(loads).to.equal(0);
        refuses = false;
        expect(await undo.undo()).to.equal(true);
        await stage.settle();
        expect(stage.all.map(({data}) => read(data))).to.eql(stage.all.map(() => 'abYcdef'));
      } finally {
        undo.close();
        stage.close();
      }
    });
  }
});
