import { EspalierError } from '../../errors.ts';

/** Whether the system says that there is no room left: on the disk, or in the quota of the user. */
export function isFull(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The code of an error of the operating system, for example ENOENT. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The error of a file operation: storage-full where the disk is full, else storage-failed; ours are passed on as they are. */
export function storageError(error: unknown, where: string): EspalierError {
  if (error instanceof EspalierError) return error;
  if (isFull(error)) return new EspalierError('storage-full', `Folder: ${where}`, error);
  const reason = error instanceof Error ? error.message : String(error);
  return new EspalierError('storage-failed', `Where: ${where} (${reason})`, error);
}
