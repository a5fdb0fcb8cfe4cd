import type {Clock} from '../platform/platform.js';
import {warning} from '../protocol/warnings.js';
import {hostCode} from './host-code.js';
import type {WorkerTrouble} from './worker-trouble.js';

/** A shared worker that has not answered after so long, in ms, is looked at: its script may never start a host. */
const LOOK_MS = 1000;

/** Tells an app once that nobody uses the worker that it has, and what to do about it. */
export class WorkerAdvice {
  private hasWarned = false;

  constructor(
    private readonly create: () => SharedWorker, private readonly clock: () => Clock, private readonly tell: (text: string) => void
  ) {}

  /** The browser says nothing of a script that runs and serves nobody. */
  look(isWaiting: () => boolean, onTrouble: (trouble: WorkerTrouble) => void): void {
    this.clock().after(LOOK_MS, () => {
      if (!isWaiting()) return;
      hostCode.workerDiagnosis().then(async ({isWithoutHost}) => {
        if (await isWithoutHost(this.create) && isWaiting()) onTrouble({kind: 'idle', reason: 'The worker\'s script does not call startHost()'});
      }).catch(() => {});
    });
  }

  warn(trouble: WorkerTrouble): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    const say = (cause: string): void => this.tell(
      warning('WARN_TABS_WORKER', `the shared worker is not used. ${cause}. connection.mode says what is used in its place`)
    );
    hostCode.workerDiagnosis().then(({causeOf}) => causeOf(this.create, trouble)).then(say, () => say(trouble.reason));
  }
}
