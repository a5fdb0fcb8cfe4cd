import type {Cipher} from './encryption.js';

/** 96 bits, drawn anew for each text: what NIST SP 800-38D recommends for AES-GCM. */
const IV_BYTES = 12;

/**
 * Encrypts what is stored with WebCrypto's AES-GCM. A text that was changed, or encrypted with another key,
 * can't be decrypted: the promise rejects with an `OperationError`.
 * @param key for 'encrypt' and 'decrypt', e.g. derived from what the user signed in with; need not be extractable
 */
export function aesGcm(key: CryptoKey | Promise<CryptoKey>): Cipher {
  const whenKey = Promise.resolve(key);
  // A key that can't be had shows where it is used.
  whenKey.catch(() => {});
  return {
    async encrypt(text) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const data = new TextEncoder().encode(text);
      const encrypted = new Uint8Array(await crypto.subtle.encrypt({name: 'AES-GCM', iv}, await whenKey, data));
      const sealed = new Uint8Array(IV_BYTES + encrypted.length);
      sealed.set(iv);
      sealed.set(encrypted, IV_BYTES);
      return toBase64(sealed);
    },
    async decrypt(text) {
      const sealed = fromBase64(text);
      const iv = sealed.subarray(0, IV_BYTES);
      const data = await crypto.subtle.decrypt({name: 'AES-GCM', iv}, await whenKey, sealed.subarray(IV_BYTES));
      return new TextDecoder().decode(data);
    }
  };
}

/** Every engine accepts this many arguments. */
const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // `apply` takes the array as it is; spreading goes through its iterator, several times slower.
    parts.push(String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]));
  }
  return btoa(parts.join(''));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
