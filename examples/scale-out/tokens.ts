import {createHmac, timingSafeEqual} from 'node:crypto';

/** The purpose of a token: a session's token is in a cookie, a socket's token goes to the ShareDB server. */
export type Purpose = 'session' | 'socket';

export interface Claim {
  user: string;
  purpose: Purpose;
  /** Unix time in ms. */
  expires: number;
}

/** Signed texts that identify a user for a limited time. All servers have the same secret. */
export class Tokens {
  constructor(private readonly secret: string) {}

  /** @param seconds how long the token is valid */
  issue(user: string, purpose: Purpose, seconds: number): string {
    const claim: Claim = {user, purpose, expires: Date.now() + seconds * 1000};
    const body = Buffer.from(JSON.stringify(claim)).toString('base64url');
    return `${body}.${this.sign(body)}`;
  }

  /** @returns undefined for a token that is forged, has expired, or has another purpose */
  verify(token: string | undefined, purpose: Purpose): Claim | undefined {
    const [body = '', signature = ''] = (token ?? '').split('.');
    const expected = this.sign(body);
    if (signature.length !== expected.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return undefined;
    const claim = JSON.parse(Buffer.from(body, 'base64url').toString()) as Claim;
    return claim.purpose === purpose && claim.expires > Date.now() ? claim : undefined;
  }

  private sign(body: string): string {
    return createHmac('sha256', this.secret).update(body).digest('base64url');
  }
}
