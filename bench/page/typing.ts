import type {Connection, Doc} from 'sharedb/lib/client/index.js';
import {settled} from '../../test/waiting/settled.js';
import {turn} from '../../test/waiting/turn.js';
import {connect} from './connect.js';
import {now} from './now.js';

export interface TypedInto {
  way: 'tabs' | 'plain';
  namespace: string;
  url: string;
  id: string;
}

interface Text {
  text: string;
}

let connection: ReturnType<typeof connect> | undefined;
let doc: Doc<Text>;

export async function openForTyping(place: TypedInto): Promise<void> {
  connection ??= connect(place);
  doc = (connection as Connection).get('bench', place.id) as Doc<Text>;
  await settled(done => doc.subscribe(done));
}

/**
 * Types a character `count` times, as fast as the page can: several in each turn.
 * @param compose whether waiting ops may be composed
 * @param whole the length of the text when all have typed
 * @param paused whether nothing is sent meanwhile
 * @returns when the first op was submitted, when all were, and when the server had all of this page's ops and the page had
 *   everybody's
 */
export async function type(
  {character, count, compose, whole, paused}: {character: string; count: number; compose: boolean; whole: number; paused: boolean}
): Promise<{from: number; called: number; to: number}> {
  doc.preventCompose = !compose;
  if (paused) doc.pause();
  const from = now();
  for (let n = 0; n < count; n++) {
    doc.submitOp([{p: ['text', doc.data!.text.length], si: character}], undefined, () => {});
    if (n % PER_TURN === PER_TURN - 1) await turn();
  }
  const called = now();
  if (paused) doc.resume();
  await settled(done => doc.whenNothingPending(done));
  if (doc.data!.text.length < whole) {
    await new Promise<void>(resolve => doc.on('op', () => { if (doc.data!.text.length >= whole) resolve(); }));
  }
  return {from, called, to: now()};
}

export function typed(): string {
  return doc.data!.text;
}

const PER_TURN = 10;
