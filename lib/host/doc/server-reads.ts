import type {Callback} from '../upstream.js';
import type {DocRecord} from './doc-record.js';

type Done<Answer> = (error?: Error | null, answer?: Answer) => void;

/** Asks the server for a document until it can answer. Ops that wait would otherwise be lost for a temporary reason. */
export class ServerReads {
  private ask: (() => void) | undefined;

  constructor(private readonly record: DocRecord) {}

  /** @param ask asks the server. It is called again while the answer is a temporary error */
  untilRead<Answer>(ask: (done: Done<Answer>) => void, callback: Done<Answer>): void {
    const {events} = this.record;
    ask((error, answer) => {
      if (!error || !events.isTransient(error)) {
        events.endReadingLater();
        return callback(error, answer);
      }
      this.ask = () => {
        this.ask = undefined;
        this.untilRead(ask, callback);
      };
      return events.readLater(error, this.askAgain);
    });
  }

  /** Asks at once if a request waits for its next attempt. */
  readonly askAgain = (): void => this.ask?.();

  /** Fetches outside of a bulk request: there, upstream would answer a document that asks twice only once. */
  fetchAlone(callback: Callback): void {
    const {doc} = this.record;
    const {connection} = doc;
    const {bulk} = connection;
    connection.bulk = null;
    doc._fetch({force: true}, callback);
    connection.bulk = bulk;
  }
}
