/** Files that are to be written. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { EspalierError } from '../errors.ts';

/** Said before an hour of work rather than after it. Throws usage. */
export function checkTarget(option: string, file: string): void {
  const folder = path.dirname(path.resolve(file));
  if (!fs.existsSync(folder)) throw new EspalierError('usage', `${option} ${file}: there is no folder ${folder}.`);
  if (fs.existsSync(file) && fs.statSync(file).isDirectory()) throw new EspalierError('usage', `${option} wants a file, and ${file} is a folder.`);
}
