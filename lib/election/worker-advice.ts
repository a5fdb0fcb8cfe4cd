import type {Clock} from '../platform/platform.js';
import {warning} from '../protocol/warnings.js';
import {hostCode} from './host-code.js';
import type {WorkerTrouble} from './worker-trouble.js';

/** If a shared worker has not answered after this many ms, its script is examined: it may never start a host. */
const LOOK_MS = 1000;

/** Warns an app once that its worker is not used, and says what to do. */
export class WorkerAdvice {
  private hasWarned = false;

  constructor(
    private readonly create: () => SharedWorker, private readonly clock: () => Clock, private readonly tell: (text: string) => void
  ) {}

  /** Examines the script: the browser may have reported nothing. */
  look(isWaiting: () => boolean, onTrouble: (trouble: WorkerTrouble) => void): void {
    this.clock().after(LOOK_MS, () => {
      if (!isWaiting()) return;
      hostCode.workerDiagnosis().then(async ({unreportedTrouble}) => {
        const trouble = await unreportedTrouble(this.create);
        if (trouble && isWaiting()) onTrouble(trouble);
      }).catch(() => {});
    });
  }

  warn(trouble: WorkerTrouble): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    const say = (cause: string): void => this.tell(
      warning('WARN_TABS_WORKER', `the shared worker is not used. ${cause}. connection.mode says which mode is used instead`)
    );
    hostCode.workerDiagnosis().then(({causeOf}) => causeOf(this.create, trouble)).then(say, () => say(trouble.reason));
  }
}
