/** Quill 2 as what ShareDB's example, which is written in CommonJS, gets for `require('quill')`. */
export {default as 'module.exports'} from 'quill';
