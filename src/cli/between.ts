/** Numbers on the command line. */
import { InvalidArgumentError } from 'commander';

/** A parser of numbers from min to max. */
export const between = (min: number, max: number, whole: boolean) => (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) throw new InvalidArgumentError(`A ${whole ? 'whole ' : ''}number from ${min} to ${max} is wanted.`);
  return value;
};
