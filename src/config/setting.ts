/** Building blocks of the schema: every setting has a default, a unit and a description. */
import { z } from 'zod';

export interface SettingMeta {
  readonly description: string;
  /** Unit of the value, in words; empty where the value is a name. */
  readonly unit: string;
}

/** A setting of any type. Tables (samples, reference, environment names) are made from what is said here. */
export function setting<T extends z.ZodType>(type: T, fallback: z.output<T>, unit: string, description: string): z.ZodDefault<T> {
  return type.default(fallback as never).meta({ description, unit });
}

export const whole = (min: number, max: number, fallback: number, unit: string, description: string): z.ZodDefault<z.ZodInt> =>
  setting(z.int().min(min).max(max), fallback, unit, description);

export const real = (min: number, max: number, fallback: number, unit: string, description: string): z.ZodDefault<z.ZodNumber> =>
  setting(z.number().min(min).max(max), fallback, unit, description);

/** A share above 0 and at most 1. */
export const share = (fallback: number, description: string): z.ZodDefault<z.ZodNumber> =>
  setting(z.number().gt(0).max(1), fallback, 'share', description);

export const flag = (fallback: boolean, description: string): z.ZodDefault<z.ZodBoolean> =>
  setting(z.boolean(), fallback, 'true or false', description);

export const oneOf = <const N extends readonly [string, ...string[]]>(names: N, fallback: N[number], description: string): z.ZodDefault<z.ZodEnum<{ [K in N[number]]: K }>> =>
  setting(z.enum(names), fallback as never, '', description) as never;

export const text = (fallback: string, description: string): z.ZodDefault<z.ZodString> =>
  setting(z.string().min(1), fallback, '', description);
