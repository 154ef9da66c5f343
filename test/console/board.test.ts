// Goal: the board tells the truth about the facts. Method: scripted facts with known sums, and the drawn lines.
import { expect, it } from 'vitest';
import { accuracyOf, emptyBoard, foldBoard, latencyOf, ratesOf } from '../../src/console/board.ts';
import type { Board } from '../../src/console/board.ts';
import { bar, boardLines, clip } from '../../src/console/terminal.ts';
import type { Fact, Happening } from '../../src/facts.ts';
import { LATENCY_BUCKETS_MS } from '../../src/facts.ts';

const A = 'a'.repeat(64), B = 'b'.repeat(64);
const fact = (at: number, happening: Happening): Fact => ({ ...happening, v: 1, at, instance: 'test' });
const latency = (bucket: number, n: number): number[] => [...LATENCY_BUCKETS_MS, 0].map((_, i) => (i === bucket ? n : 0));
const batch = (at: number, requests: number, bucket: number): Fact => fact(at, { kind: 'batch', role: 'champion', model: A, requests, steps: 20 * requests, kernelMs: 1, waitMsMax: 1, latency: latency(bucket, requests), latencyMsSum: requests });
const evidence = (at: number, correct: number, steps: number): Fact => fact(at, {
  kind: 'evidence', counts: { tallies: { [`${A}|champion`]: { requests: 1, steps, correct, confidence: 0.5 } }, duels: {}, labels: { joined: 1, late: 0, duplicate: 0, conflict: 0, orphan: 0, expired: 0, invalid: 0 } },
  moments: null, replay: null, momentsCpuMs: 0.5,
});
const fold = (facts: readonly Fact[]): Board => facts.reduce(foldBoard, emptyBoard(0));

it('counts answers and rates over the window, and forgets what is older', () => {
  const board = fold([batch(1000, 100, 2), batch(2000, 10, 2), batch(11_500, 30, 2), batch(12_500, 30, 2), batch(13_100, 5, 2)]);
  expect(board.answered).toBe(175);
  expect(ratesOf(board)).toEqual({ requests: 60 / 2, steps: 1200 / 2 });
});

it('finds latency quantiles in the buckets, with the slowest bucket as infinite', () => {
  const board = fold([batch(1000, 98, 3), batch(1100, 2, LATENCY_BUCKETS_MS.length)]);
  expect(latencyOf(board, 0.5)).toBe(LATENCY_BUCKETS_MS[3]);
  expect(latencyOf(board, 0.98)).toBe(LATENCY_BUCKETS_MS[3]);
  expect(latencyOf(board, 0.99)).toBe(Infinity);
  expect(latencyOf(emptyBoard(0), 0.5)).toBeNull();
});

it('takes accuracy from the tallies by role', () => {
  const board = fold([evidence(1000, 80, 100), evidence(1500, 100, 100)]);
  expect(accuracyOf(board, 'champion')).toBeCloseTo(0.9, 12);
  expect(accuracyOf(board, 'anchor')).toBeNull();
  expect(board.labelled).toBe(2);
});

it('counts a swap when the champion changes, not when shares do', () => {
  const roster = { version: 1, champion: A, challenger: null, share: 0, shadow: 0, anchor: A, anchorShare: 1, predecessor: null, salt: 's' };
  const board = fold([
    fact(1, { kind: 'routed', order: 'o1', roster, swapMs: 0 }),
    fact(2, { kind: 'routed', order: 'o2', roster: { ...roster, version: 2, challenger: B, shadow: 1 }, swapMs: 0 }),
    fact(3, { kind: 'routed', order: 'o3', roster: { ...roster, version: 3, champion: B, predecessor: A }, swapMs: 0 }),
  ]);
  expect(board.swaps).toBe(1);
});

it('keeps where the last job was computed', () => {
  const device = (at: number, name: 'cpu' | 'gpu'): Fact => fact(at, { kind: 'job-news', job: 'j', news: { kind: 'device', device: { device: name, tensorflow: '2.18.1', gpu: null, driver: null, cuda: null, cudnn: null } } });
  const board = fold([device(1, 'cpu'), device(2, 'gpu'), fact(3, { kind: 'job-failed', order: 'o', code: 'trainer-crashed', reason: '' })]);
  expect(board.device).toBe('gpu');
  const trial = { phase: 'gather', cycle: 1, cycles: 3, certify: null, harm: null, bar: null, blocks: 0, difference: null };
  expect(boardLines(board, trial, 'Brown corpus', { colour: false, width: 100 }).join('\n')).toContain('idle, on the gpu');
});

it('draws lines that fit, with the numbers in them, and no escape sequences without colour', () => {
  const roster = { version: 1, champion: A, challenger: B, share: 0, shadow: 1, anchor: A, anchorShare: 1, predecessor: null, salt: 's' };
  const board = fold([fact(1, { kind: 'routed', order: 'o', roster, swapMs: 0 }), batch(1000, 7, 2), fact(1001, { kind: 'decided', candidate: B, cycle: 1, outcome: 'promoted', reason: 'because', blocks: 3, difference: 0, certify: 40, harm: 0.1, bar: 33 })]);
  const trial = { phase: 'shadow', cycle: 1, cycles: 3, certify: 5.5, harm: 0.1, bar: 33, blocks: 120, difference: -0.002 };
  const lines = boardLines(board, trial, 'Brown corpus', { colour: false, width: 100 });
  expect(lines.join('\n')).toContain('7 answered');
  expect(lines.join('\n')).toContain('promoted');
  expect(lines.every((line) => line.length <= 100 && !line.includes('\u001b'))).toBe(true);
  const coloured = boardLines(board, trial, 'Brown corpus', { colour: true, width: 40 });
  expect(coloured.every((line) => line.replaceAll(/\u001b\[\d+m/g, '').length <= 40)).toBe(true);
});

it('clips by visible characters', () => {
  expect(clip('abcdef', 6)).toBe('abcdef');
  expect(clip('abcdefg', 6)).toBe('abcde…');
  expect(clip('\u001b[1mabcdefg\u001b[0m', 6)).toBe('\u001b[1mabcde…\u001b[0m');
  expect(bar(0.5, 4)).toBe('██░░');
});
