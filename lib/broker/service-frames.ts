import type {Batch, ServiceFrame} from '../protocol/frames.js';
import type {Channel} from '../platform/platform.js';
import type {Session, WaitingFrame} from './session.js';

/**
 * The weight of a frame, in characters, in addition to the buffers that it transfers. To measure a frame would take as long as
 * to clone it.
 */
const FRAME_CHARS = 1024;

/** Whether a channel can transfer objects. A BroadcastChannel can't, and has no `start` (HTML Standard, BroadcastChannel). */
export const canTransfer = (channel: Channel): boolean => channel.sharesObjects === true || 'start' in channel;

/**
 * Posts a frame at once, after everything that the session has sent before.
 * @throws if the frame can't be cloned. Then nothing is posted or transferred.
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
      // Batches are numbered without gaps, so the batch is posted without the frame, even if it is empty.
      channel.postMessage(batch);
    }
  }
}
