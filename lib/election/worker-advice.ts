import type {Clock} from '../platform/platform.js';
import {warning} from '../protocol/warnings.js';
import {hostCode} from './host-code.js';
import type {WorkerTrouble} from './worker-trouble.js';

/** How long a shared worker may take to answer, in ms, before its script is examined. */
const CHECK_MS = 1000;

/** Warns an app once that its shared worker is not used, with the cause and the remedy. */
export class WorkerAdvice {
  private hasWarned = false;

  constructor(
    private readonly create: () => SharedWorker, private readonly clock: () => Clock, private readonly report: (text: string) => void
  ) {}

  /** Examines the script if the worker has not answered in time. The browser may not have reported its error. */
  look(isWaiting: () => boolean, onTrouble: (trouble: WorkerTrouble) => void): void {
    this.clock().after(CHECK_MS, () => {
      if (!isWaiting()) return;
      hostCode.workerDiagnosis().then(async ({findUnreportedTrouble}) => {
        const trouble = await findUnreportedTrouble(this.create);
        if (trouble && isWaiting()) onTrouble(trouble);
      }).catch(() => {});
    });
  }

  warn(trouble: WorkerTrouble): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    const warnOf = (cause: string): void => this.report(
      warning('WARN_TABS_WORKER', `the shared worker is not used. ${cause}. connection.mode says which mode is used instead`)
    );
    hostCode.workerDiagnosis().then(({causeOf}) => causeOf(this.create, trouble)).then(warnOf, () => warnOf(trouble.reason));
  }
}
