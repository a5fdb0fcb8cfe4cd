import {type Browser, launch} from 'puppeteer-core';
import {chromiumFlags, firefoxPreferences, requireBrowser} from '../test/browsers/index.js';

export type EngineName = 'chromium' | 'firefox';

/** Turns off the throttling of background pages: one of two pages of a headless browser is in the background. */
const unthrottledFlags = [
  '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding'
];
const unthrottledPreferences = {
  'dom.min_background_timeout_value': 4,
  'dom.min_background_timeout_value_without_budget_throttling': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
  'dom.ipc.processPriorityManager.enabled': false,
  // Clocks with their full precision.
  'privacy.reduceTimerPrecision': false
};

const executables = new Map<EngineName, string>();

/** Starts a browser that keeps its profile in a folder. */
export function launchEngine(engine: EngineName, profile: string): Promise<Browser> {
  const executablePath = executables.get(engine) ?? requireBrowser(engine);
  executables.set(engine, executablePath);
  const options = {executablePath, userDataDir: profile, protocolTimeout: 120_000};
  if (engine === 'chromium') return launch({...options, args: [...chromiumFlags, ...unthrottledFlags]});
  return launch({...options, browser: 'firefox', extraPrefsFirefox: {...firefoxPreferences, ...unthrottledPreferences}});
}
