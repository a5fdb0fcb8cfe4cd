import type {Cipher} from '../../lib/store/encryption.js';
import type {Change} from '../../lib/store/storage.js';
import {DISK} from './crashing-storage.js';
import type {Machine, Process} from './machine.js';

const PREFIX = 'secret ';

/** A stand-in for a cipher: its output can't be read on the disk. Its calls end in random order. */
export function slowCipher({agenda}: Machine, process: Process, isFault: () => boolean): Cipher {
  let mayFailToRead = true;
  const later = (text: string, mayFail: () => boolean): Promise<string> => new Promise((resolve, reject) => {
    agenda.some(`${DISK}, its cipher, to ${process.name}`, () => {
      if (mayFail() && isFault()) reject(new Error('There is no key'));
      else resolve(text);
    }, process);
  });
  return {
    encrypt: text => later(PREFIX + Buffer.from(text).toString('base64'), () => true),
    decrypt: text => {
      if (!text.startsWith(PREFIX)) throw new Error('It is not encrypted');
      return later(Buffer.from(text.slice(PREFIX.length), 'base64').toString(), () => {
        // A document is quarantined if it can't be read twice. So one read fails for each host.
        const mayFail = mayFailToRead;
        mayFailToRead = false;
        return mayFail;
      });
    }
  };
}

/** Whether a written record of a document is readable without the cipher. */
export function isLegible(change: Change): boolean {
  if (change.type === 'append') return !change.record.startsWith(PREFIX);
  return change.type === 'checkpoint' && !change.checkpoint.startsWith(PREFIX);
}
