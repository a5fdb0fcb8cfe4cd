import type {Cipher} from './encryption.js';

/** The length of the random IV of each text, in bytes: the 96 bits that NIST SP 800-38D recommends for AES-GCM. */
const IV_BYTES = 12;

/**
 * Encrypts stored data with WebCrypto's AES-GCM. An encrypted text is base64 of the IV and the ciphertext. If a text was changed, or
 * encrypted with another key, `decrypt` rejects with an `OperationError`.
 * @param key a key with the usages 'encrypt' and 'decrypt', for example derived from the user's password. It need not be extractable.
 * @returns a cipher for the option `store.cipher` of `startHost`
 */
export function aesGcm(key: CryptoKey | Promise<CryptoKey>): Cipher {
  const whenKey = Promise.resolve(key);
  // If there is no key, `encrypt` and `decrypt` reject.
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

/** The number of arguments of one call. Every engine accepts this many. */
const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // `apply` reads the array directly. The spread syntax uses its iterator, which is several times slower.
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
