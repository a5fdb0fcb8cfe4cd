import type {Batch, ServiceFrame} from '../protocol/frames.js';
import type {Channel} from '../platform/platform.js';
import type {Session, WaitingFrame} from './session.js';

/** A frame counts as so many characters, beside the buffers that it moves: to measure it would take as long as to clone it. */
const FRAME_CHARS = 1024;

/** Whether objects can be moved over it: a BroadcastChannel, which has no `start`, can't (HTML Standard, BroadcastChannel). */
export const canTransfer = (channel: Channel): boolean => channel.sharesObjects === true || 'start' in channel;

/**
 * Posts a frame at once, behind all that the session has sent before.
 * @throws where it can't be cloned: then nothing of it is posted or moved
 */
export function postFrame(session: Session, message: ServiceFrame, transfer: Transferable[]): void {
  const frame = new Frame(message, transfer);
  session.outbox.push(frame);
  session.flush();
  if (frame.error) throw frame.error;
}

class Frame implements WaitingFrame {
  readonly length: number;
  /** Why it could not be posted. */
  error: unknown;

  constructor(private readonly message: ServiceFrame, private readonly transfer: Transferable[]) {
    this.length = transfer.reduce<number>((sum, part) => sum + ((part as {byteLength?: number}).byteLength ?? 0), FRAME_CHARS);
  }

  post(channel: Channel, batch: Batch): void {
    batch.messages.pop();
    const {message, transfer} = this;
    const {sharesObjects} = channel;
    batch.frames = [sharesObjects && transfer.length ? {...message, transfer} : message];
    try {
      channel.postMessage(batch, sharesObjects || !canTransfer(channel) ? [] : transfer);
    } catch (error) {
      this.error = error;
      delete batch.frames;
      // The other messages, or none: batches are numbered without gaps.
      channel.postMessage(batch);
    }
  }
}
