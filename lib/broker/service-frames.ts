import type {Batch, ServiceFrame} from '../protocol/frames.js';
import type {Channel} from '../platform/platform.js';
import type {Session, WaitingFrame} from './session.js';

/**
 * The assumed size of a frame, in characters, without the buffers that it transfers. Measuring a frame would take as long as
 * cloning it.
 */
const FRAME_CHARS = 1024;

/** Whether a channel can transfer objects. A BroadcastChannel can't; unlike a MessagePort it has no `start` (HTML Standard). */
export const canTransfer = (channel: Channel): boolean => channel.sharesObjects === true || 'start' in channel;

/**
 * Posts a frame at once, after all messages that the session has sent before.
 * @throws DataCloneError if the frame can't be cloned. In that case the frame is not posted and nothing is transferred.
 */
export function postFrame(session: Session, message: ServiceFrame, transfer: Transferable[]): void {
  const frame = new Frame(message, transfer);
  session.outbox.push(frame);
  session.flush();
  if (frame.error) throw frame.error;
}

class Frame implements WaitingFrame {
  readonly length: number;
  /** The error of `postMessage`, if the frame could not be cloned. */
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
      // The batch has a number already, and a gap in the numbers would end the session.
      channel.postMessage(batch);
    }
  }
}
