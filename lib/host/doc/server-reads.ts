import type {Callback} from '../upstream.js';
import type {DocRecord} from './doc-record.js';

type Done<Answer> = (error?: Error | null, answer?: Answer) => void;

/** Repeats a request for a document until the server can answer it. Otherwise pending ops would be lost because of a temporary error. */
export class ServerReads {
  private ask: (() => void) | undefined;

  constructor(private readonly record: DocRecord) {}

  /** @param ask sends the request. It is called again while the answer is a temporary error. */
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

  /** Sends a request at once if one waits for its next attempt. */
  readonly askAgain = (): void => this.ask?.();

  /** Fetches outside of a bulk request, in which upstream would answer two fetches of one document only once. */
  fetchAlone(callback: Callback): void {
    const {doc} = this.record;
    const {connection} = doc;
    const {bulk} = connection;
    connection.bulk = null;
    doc._fetch({force: true}, callback);
    connection.bulk = bulk;
  }
}
