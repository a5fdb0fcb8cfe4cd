export {Random} from '../support/random.js';
