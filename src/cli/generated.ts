/** Every document that is made from a table in the code: path from the root of the checkout, and content. */
import { referencePage } from '../config/reference.ts';
import { errorsPage } from './errors.ts';

export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['deploy/reference/config.md', referencePage()],
    ['deploy/reference/errors.md', errorsPage()],
  ]);
}
