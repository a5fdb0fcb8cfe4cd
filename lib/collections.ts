export * from './collections/index.js';
