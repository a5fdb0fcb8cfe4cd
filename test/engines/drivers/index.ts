import {chromium} from './chromium.js';
import type {Engine} from './driver.js';
import {firefox} from './firefox.js';
import {webkitgtk} from './webkitgtk.js';

export type {Browser, Engine, EngineName, LaunchOptions, Page} from './driver.js';

export const engines: readonly Engine[] = [chromium, firefox, webkitgtk];
