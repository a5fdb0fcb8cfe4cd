export {launchChromium} from './chromium.js';
export {requireBrowser} from './require.js';
export {chromiumFlags, firefoxFlags, firefoxPreferences} from './flags.js';
