import {spawnSync} from 'node:child_process';
import {type Browser, type BrowserName, browsers, findBrowser} from './find.js';
import {canInstall, installPackages} from './install.js';

/**
 * The path of a browser that runs. Installs it if possible; otherwise throws an error that says what to install or which variable
 * to set. Tests never run without their browser.
 */
export function requireBrowser(name: BrowserName): string {
  const browser = browsers[name];
  const path = findBrowser(browser) ?? install(browser);
  console.log(`${browser.title}: ${path} (${versionOf(path, browser)})`);
  return path;
}

function install(browser: Browser): string {
  if (!canInstall()) throw new Error(missing(browser));
  console.log(`${browser.title} is missing: installing ${browser.aptPackages.join(', ')} with apt-get.`);
  try {
    installPackages(browser.aptPackages);
  } catch (cause) {
    throw new Error(missing(browser), {cause});
  }
  const path = findBrowser(browser);
  if (!path) throw new Error(missing(browser));
  return path;
}

/** Runs the program to test it: Ubuntu's `chromium-browser` may be a script that only asks for a snap. */
function versionOf(path: string, browser: Browser): string {
  const {probe} = browser;
  const {status, stdout, stderr} = spawnSync(path, [probe], {encoding: 'utf8', timeout: 30_000});
  if (status === 0) return probe === '--version' ? stdout.trim() : 'it runs';
  throw new Error(`${path} does not run: ${stderr?.trim() || `no answer to ${probe}`}\n${missing(browser)}`);
}

function missing({title, variable, programs, companions, aptPackages}: Browser): string {
  const together = companions.length ? `, with ${companions.join(', ')}` : '';
  return `${title} is needed for these tests. Install it (Debian: apt-get install ${aptPackages.join(' ')}), so that one of ` +
    `${programs.join(', ')} is in PATH${together}, or set ${variable} to the path of its program.`;
}
