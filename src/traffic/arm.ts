/** Which sessions belong to a share. The assignment is sticky: it depends on the session and the salt alone. */
import { hash32 } from '../support/hash.ts';

/** What a share is for; each purpose draws independently of the others. */
export type SharePurpose = 'arm' | 'shadow' | 'anchor';

/**
 * The place of a session in [0, 1). Plain FNV-1a puts 8.7 to 10.3 % of the sessions below 0.1, depending on the salt;
 * with murmur's final mix, which `hash32` has, it is 9.9 to 10.4 %.
 */
export const shareOf = (session: string, salt: string): number => hash32(`${salt}\u0000${session}`) / 2 ** 32;

/** Whether a session belongs to a share. When the share changes, |share' − share| of the sessions move, and no others. */
export const inShare = (session: string, salt: string, purpose: SharePurpose, share: number): boolean =>
  shareOf(session, `${salt}/${purpose}`) < share;
