/** Replaces `require('quill')` for ShareDB's example, which is written in CommonJS, with Quill 2. */
export {default as 'module.exports'} from 'quill';
