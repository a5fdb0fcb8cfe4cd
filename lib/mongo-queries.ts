export {mongoQueries} from './queries/mongo-queries.js';
