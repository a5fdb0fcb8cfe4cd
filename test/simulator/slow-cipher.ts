import type {Cipher} from '../../lib/store/encryption.js';
import type {Change} from '../../lib/store/storage.js';
import {DISK} from './crashing-storage.js';
import type {Machine, Process} from './machine.js';

const PREFIX = 'secret ';

/** Stands for a cipher: nobody who looks at the disk can read what it makes. It is done in the order that chance has. */
export function slowCipher({agenda}: Machine, process: Process): Cipher {
  const later = (text: string): Promise<string> => new Promise(resolve => {
    agenda.some(`${DISK}, its cipher, to ${process.name}`, () => resolve(text), process);
  });
  return {
    encrypt: text => later(PREFIX + Buffer.from(text).toString('base64')),
    decrypt: text => {
      if (!text.startsWith(PREFIX)) throw new Error('It is not encrypted');
      return later(Buffer.from(text.slice(PREFIX.length), 'base64').toString());
    }
  };
}

/** Whether anybody could read what is written of a document. */
export function isLegible(change: Change): boolean {
  if (change.type === 'append') return !change.record.startsWith(PREFIX);
  return change.type === 'checkpoint' && !change.checkpoint.startsWith(PREFIX);
}
