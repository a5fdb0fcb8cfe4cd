import type {Cipher} from '../../lib/store/encryption.js';
import type {Change} from '../../lib/store/storage.js';
import {DISK} from './crashing-storage.js';
import type {Machine, Process} from './machine.js';

const PREFIX = 'secret ';

/** Stands for a cipher: nobody who looks at the disk can read what it makes. It is done in the order that chance has. */
export function slowCipher({agenda}: Machine, process: Process, isFault: () => boolean): Cipher {
  let mayFailToRead = true;
  const tried = new Set<string>();
  const later = (text: string, mayFail: () => boolean): Promise<string> => new Promise((resolve, reject) => {
    agenda.some(`${DISK}, its cipher, to ${process.name}`, () => {
      if (mayFail() && isFault()) reject(new Error('There is no key'));
      else resolve(text);
    }, process);
  });
  return {
    encrypt: text => later(PREFIX + Buffer.from(text).toString('base64'), () => !tried.has(text) && !!tried.add(text)),
    decrypt: text => {
      if (!text.startsWith(PREFIX)) throw new Error('It is not encrypted');
      return later(Buffer.from(text.slice(PREFIX.length), 'base64').toString(), () => {
        // A document is set aside where it can't be read twice: for each host, one read fails.
        const mayFail = mayFailToRead;
        mayFailToRead = false;
        return mayFail;
      });
    }
  };
}

/** Whether anybody could read what is written of a document. */
export function isLegible(change: Change): boolean {
  if (change.type === 'append') return !change.record.startsWith(PREFIX);
  return change.type === 'checkpoint' && !change.checkpoint.startsWith(PREFIX);
}
