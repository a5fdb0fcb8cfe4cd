import type {HostSession} from '../../broker/host-session.js';
import {isObject} from '../../protocol/checks.js';
import {isPlace} from '../../protocol/frames.js';
import type {TabEntry} from '../../protocol/report.js';
import type {Clock} from '../../platform/platform.js';
import type {Tab} from '../tab.js';

/** How long a report waits for the tabs, in ms. A frozen tab does not answer. */
const WAIT_MS = 250;
/** Time limit of a call to a tab, in ms. The end of the session ends the call earlier. */
const OPEN_MS = 24 * 60 * 60 * 1000;

type TabFacts = Pick<TabEntry, 'mode' | 'build' | 'isVisible'>;
type Answer = TabFacts & Pick<TabEntry, 'lag' | 'isSilent'>;

interface Question {
  /** When the tab was asked, in ms since the epoch; undefined after its answer. */
  askedAt: number | undefined;
  lag: number | undefined;
  reported: TabFacts;
  done: Promise<void>;
}

/**
 * Gets reports from the tabs, for an inspector. A tab that has not answered is not asked again. Otherwise a tab that was frozen would
 * receive one call for each second of that time.
 */
export class TabReports {
  private readonly questions = new WeakMap<HostSession, Question>();

  constructor(private readonly clock: Clock) {}

  /** @returns the tabs' last reports, by their ids */
  async ask(tabs: readonly Tab[]): Promise<Map<string, Answer>> {
    const asked = tabs.flatMap(({id, session}) => (session ? [[id as string, this.questionTo(session)] as const] : []));
    await new Promise<void>(resolve => {
      const cancel = this.clock.after(WAIT_MS, resolve);
      void Promise.all(asked.map(([, {done}]) => done)).then(() => {
        cancel();
        resolve();
      });
    });
    return new Map(asked.map(([id, question]) => [id, this.answerOf(question)]));
  }

  private questionTo(session: HostSession): Question {
    const last = this.questions.get(session);
    if (last?.askedAt !== undefined) return last;
    const askedAt = this.clock.now();
    const question: Question = {askedAt, lag: undefined, reported: last?.reported ?? {}, done: Promise.resolve()};
    const settle = (): void => {
      question.askedAt = undefined;
      question.lag = this.clock.now() - askedAt;
    };
    // A tab of an older release does not support this call. Its error is an answer, so the tab is not silent.
    question.done = session.call('tab.report', null, OPEN_MS).then(report => {
      settle();
      question.reported = reportedBy(report);
    }, settle);
    this.questions.set(session, question);
    return question;
  }

  private answerOf({askedAt, lag, reported}: Question): Answer {
    if (askedAt !== undefined) return {...reported, lag: this.clock.now() - askedAt, isSilent: true};
    return {...reported, ...(lag !== undefined && {lag})};
  }
}

function reportedBy(report: unknown): TabFacts {
  if (!isObject(report)) return {};
  const {mode, build, isVisible} = report as Record<string, unknown>;
  return {
    ...(isPlace(mode) && {mode}), ...(typeof build === 'string' && {build}), ...(typeof isVisible === 'boolean' && {isVisible})
  };
}
