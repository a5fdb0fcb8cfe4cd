/** The page of the scenario `keystroke`. */
import {now, pause} from '../now.js';
import {type Editor, type EditorPlace, openEditor} from './editors.js';

const editors: Record<string, Editor> = {};
const painted = new BroadcastChannel('bench: painted');
let pressedAt = 0;
let arrival: Promise<number> | undefined;

const commands = {
  async open(places: Record<string, EditorPlace>): Promise<void> {
    for (const [name, place] of Object.entries(places)) editors[name] = await openEditor(place);
  },

  /** In the watching page: reports when each change was painted. */
  watch(): void {
    for (const [name, editor] of Object.entries(editors)) {
      editor.onForeignChange(async () => {
        await nextPaint();
        painted.postMessage({name, at: now()});
      });
    }
  },

  /** In the typing page: the next key goes to the end of this editor's text. */
  ready(name: string): void {
    arrival = new Promise(resolve => {
      painted.onmessage = ({data}: MessageEvent<{name: string; at: number}>) => { if (data.name === name) resolve(data.at); };
    });
    editors[name]!.focus();
  },

  /** The ms from the keydown until the other page has painted the change. */
  async measured(name: string): Promise<number> {
    const ms = (await arrival!) - pressedAt;
    await editors[name]!.atRest();
    await pause(5);
    return ms;
  },

  texts: (): Record<string, string> => Object.fromEntries(Object.entries(editors).map(([name, editor]) => [name, editor.text()])),

  visibility: (): string => document.visibilityState
};

/** After the frame that has the current state: a task that is posted in its animation callback runs after it is committed. */
function nextPaint(): Promise<void> {
  return new Promise(resolve => {
    requestAnimationFrame(() => {
      const {port1, port2} = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
  });
}

addEventListener('keydown', ({timeStamp}) => { pressedAt = performance.timeOrigin + timeStamp; }, {capture: true});

declare global {
  var keystrokes: typeof commands;
}

globalThis.keystrokes = commands;
