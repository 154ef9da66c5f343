/** One thing that `doctor` looked at. */
export interface Finding {
  readonly name: string;
  /** ok; poor: espalier works, but not as well as it could; missing: something cannot work. */
  readonly state: 'ok' | 'poor' | 'missing';
  readonly detail: string;
  /** What to do about it; empty where all is well. */
  readonly remedy: string;
}

export const ok = (name: string, detail: string): Finding => ({ name, state: 'ok', detail, remedy: '' });
export const poor = (name: string, detail: string, remedy: string): Finding => ({ name, state: 'poor', detail, remedy });
export const missing = (name: string, detail: string, remedy: string): Finding => ({ name, state: 'missing', detail, remedy });
