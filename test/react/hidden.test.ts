import {expect} from 'chai';
import * as React from 'react';
import {useDoc, useQuery} from '../../lib/react.js';
import type {ProxyConnection} from '../../lib/index.js';
import {observersOf} from '../../lib/react/connection-observers.js';
import {until} from '../waiting/until.js';
import {ReactStage} from './stage.js';

interface Note {
  text: string;
}

/** React hides components with `<Activity>` from 19.2 on: their effects end, and they keep their state. */
const Activity = (React as {Activity?: React.ComponentType<{mode: 'visible' | 'hidden'; children: React.ReactNode}>}).Activity;

describe('components that were hidden for longer than the grace period', () => {
  let stage: ReactStage;
  let connection: ProxyConnection;
  let other: ProxyConnection;

  beforeEach(async () => {
    stage = new ReactStage();
    [connection, other] = [stage.connect(), stage.connect()];
    await other.get('notes', 'a').create({text: 'one'});
  });

  afterEach(() => stage.close());

  const change = (text: string): Promise<void> => other.get('notes', 'a').submitOp([{p: ['text'], od: other.get('notes', 'a').data.text, oi: text}]) as Promise<void>;

  it('load their document again, and do not show it as missing meanwhile', async () => {
    const observer = observersOf(connection).doc<Note>('notes', 'a');
    const subscribe = (): (() => void) => {
      const end = observer.subscribe(() => {});
      observer.load('subscribe');
      return end;
    };
    const end = subscribe();
    await observer.loaded;
    expect(observer.getSnapshot()).to.deep.include({data: {text: 'one'}, isLoading: false});
    end();
    stage.endGracePeriods();
    await change('two');
    expect(observer.getSnapshot().data).to.eql({text: 'one'});
    subscribe();
    expect(observer.getSnapshot()).to.deep.include({data: undefined, isLoading: true});
    await observer.loaded;
    expect(observer.getSnapshot()).to.deep.include({data: {text: 'two'}, isLoading: false});
  });

  it('keep the results of their query, and request them again', async () => {
    const observer = observersOf(connection).query<Note>('notes', {}, {}, false);
    const end = observer.subscribe(() => {});
    await observer.loaded;
    await until('it has the note', () => observer.getSnapshot().results[0]?.text === 'one');
    end();
    await change('two');
    await until('the tab has the change', () => connection.get('notes', 'a').data?.text === 'two');
    stage.endGracePeriods();
    expect(observer.getSnapshot().results).to.eql([{text: 'two'}]);
    await change('three');
    observer.subscribe(() => {});
    expect(observer.getSnapshot()).to.deep.include({results: [], isLoading: true});
    await observer.loaded;
    await until('it has the note', () => observer.getSnapshot().results[0]?.text === 'three');
  });

  if (Activity) {
    it('never render a document as missing when React shows them again', async () => {
      const rendered: string[] = [];
      function Notes(): React.ReactNode {
        const {data, isLoading} = useDoc<Note>('notes', 'a');
        const {results} = useQuery<Note>('notes', {});
        const text = isLoading ? 'loading' : data ? `${data.text} of ${results.map(({text}) => text).join()}` : 'missing';
        rendered.push(text);
        return React.createElement('p', null, text);
      }
      const show = (mode: 'visible' | 'hidden'): React.ReactNode => React.createElement(Activity, {mode, children: React.createElement(Notes)});
      const view = stage.render(connection, show('visible'));
      await view.shows('one of one');
      view.show(show('hidden'));
      await until('its effects have ended', () => {
        stage.endGracePeriods();
        return connection.getExisting('notes', 'a') === undefined;
      });
      await change('two');
      view.show(show('visible'));
      await view.shows('two of two');
      expect(rendered).not.to.include('missing');
      expect(stage.errors).to.eql([]);
    });
  }
});
