import type {DocRecord} from './doc-record.js';
import type {ServerStateCheck} from './server-state-check.js';

/** Sends ops to the server. An op is sent when its record, which contains its `src` and `seq`, is durable. */
export class OpSender {
  constructor(private readonly record: DocRecord, private readonly server: ServerStateCheck) {}

  send(): void {
    const {record} = this;
    const {doc, journal, upstream, events} = record;
    const op = doc.inflightOp ?? doc.pendingOps[0];
    if (record.isReplaying || !op || this.server.isAsking) return;
    doc.submitSource = !!op.submitSource;
    if (!doc.connection.canSend) return;
    if (op.seq !== undefined && events.isHeldBack(op)) {
      // The op counts as in flight, because the server may already have it. Otherwise its acknowledgement would be treated as another
      // client's op.
      doc.inflightOp ??= doc.pendingOps.shift()!;
      return;
    }
    if (!journal) return upstream._sendOp.call(doc);
    if (!doc.inflightOp) doc.inflightOp = doc.pendingOps.shift()!;
    if (op.src === undefined || op.seq === undefined) {
      op.src = doc.connection.id!;
      op.seq = doc.connection.seq++;
      op.writeNumber = record.write({t: 'send', src: op.src, seq: op.seq});
    }
    // From now on, no other op may be composed into this one.
    op.isSent = true;
    op.sentAt ??= Date.now();
    const attempt = (op.attempt = {});
    journal.whenCommittedOrFailed(Math.max(op.writeNumber ?? 0, record.refusedAt), () => {
      if (doc.inflightOp !== op || op.attempt !== attempt || !doc.connection.canSend) return;
      doc.submitSource = !!op.submitSource;
      upstream._sendOp.call(doc);
    });
  }
}
