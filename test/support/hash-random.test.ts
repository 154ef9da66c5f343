// Goal: hash and chance are fixed for ever and evenly spread. Method: known values, published vectors, chi-square bounds with a seed.
import { describe, expect, it } from 'vitest';
import { hash32, mix32 } from '../../src/support/hash.ts';
import { gaussian, randomFrom, shuffle } from '../../src/support/random.ts';

describe('hash32', () => {
  it('is the final mix of FNV-1a (published vectors: "" 811c9dc5, "a" e40c292c, "foobar" bf9cf968)', () => {
    expect(hash32('')).toBe(mix32(0x811c9dc5));
    expect(hash32('a')).toBe(mix32(0xe40c292c));
    expect(hash32('foobar')).toBe(mix32(0xbf9cf968));
    expect(mix32(1)).toBe(0x514e28b7);
  });

  it('spreads short, similar texts evenly under every seed', () => {
    for (let seed = 0; seed < 20; seed++) {
      let low = 0;
      for (let n = 0; n < 20_000; n++) if (hash32(`session-${n}`, seed) < 0.1 * 2 ** 32) low++;
      expect(Math.abs(low / 20_000 - 0.1)).toBeLessThan(0.01);
    }
  });
});

describe('randomFrom', () => {
  it('repeats itself for the same seed only', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, randomFrom(seed));
    expect(draw(3)).toEqual(draw(3));
    const firsts = new Set([0, 1, 2, -1, 2 ** 32, 2 ** 33, 1e15].map((seed) => draw(seed)[0]));
    expect(firsts.size).toBe(7);
  });

  it('is uniform, also for the first numbers of consecutive seeds', () => {
    const counts = { stream: new Float64Array(16), firsts: new Float64Array(16) };
    const random = randomFrom(5);
    for (let n = 0; n < 16_000; n++) {
      counts.stream[Math.floor(random() * 16)]!++;
      counts.firsts[Math.floor(randomFrom(n)() * 16)]!++;
    }
    for (const each of Object.values(counts)) {
      const chiSquare = each.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
      expect(chiSquare).toBeLessThan(45); // 15 degrees of freedom: p < 1e-4
    }
  });

  it('shuffles every order equally often, and draws N(0, 1)', () => {
    const random = randomFrom(9);
    const orders = new Map<string, number>();
    let sum = 0, squares = 0;
    for (let n = 0; n < 24_000; n++) {
      const order = shuffle([1, 2, 3, 4], random).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
      const z = gaussian(random);
      sum += z;
      squares += z * z;
    }
    expect(orders.size).toBe(24);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(Math.abs(sum / 24_000)).toBeLessThan(0.03);
    expect(Math.abs(squares / 24_000 - 1)).toBeLessThan(0.05);
  });
});
