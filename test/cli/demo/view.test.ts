// Goal: a terminal is redrawn in place and anything else gets plain lines. Method: an output that notes what is written, under fake timers; a terminal is emulated by its two escape sequences.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startView, wantsColour } from '../../../src/cli/demo/view.ts';
import type { Output } from '../../../src/cli/demo/view.ts';

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

function output(isTTY: boolean): Output & { readonly text: () => string } {
  let text = '';
  return { isTTY, write: (more: string | Uint8Array) => { text += String(more); return true; }, text: () => text };
}

/** What stands on the screen after "cursor up n" and "clear below". */
function screenOf(text: string): readonly string[] {
  let lines: string[] = [];
  for (const [, up, line] of text.matchAll(/\u001b\[(\d+)A\u001b\[0J|([^\n\u001b]*)\n/g)) {
    if (up !== undefined) lines = lines.slice(0, lines.length - Number(up));
    else lines.push(line!);
  }
  return lines;
}

describe('on a terminal', () => {
  it('the picture is redrawn in place, and lines that stay go above it', () => {
    const out = output(true);
    const view = startView(out, () => 'plain');
    let frame = 0;
    view.note('first');
    view.draw(() => [`frame ${frame}`, 'second row', ...(frame > 2 ? ['third row'] : [])]);
    for (frame = 1; frame <= 3; frame++) vi.advanceTimersByTime(250);
    frame = 3;
    view.note('noted');
    expect(screenOf(out.text())).toEqual(['first', 'noted', 'frame 3', 'second row', 'third row']);
    frame = 4;
    view.draw(null);
    view.note('after');
    vi.advanceTimersByTime(5000);
    expect(screenOf(out.text())).toEqual(['first', 'noted', 'frame 4', 'second row', 'third row', 'after']);
    expect(out.text()).not.toContain('plain');
    view.stop();
  });

  it('the last picture stays when the view stops, and nothing is drawn later', () => {
    const out = output(true);
    const view = startView(out, () => null);
    view.draw(() => ['picture']);
    view.stop();
    vi.advanceTimersByTime(5000);
    expect(screenOf(out.text())).toEqual(['picture']);
  });
});

describe('elsewhere', () => {
  it('a plain line comes now and then, without any escape sequence', () => {
    const out = output(false);
    let plain: string | null = 'one';
    const view = startView(out, () => plain);
    view.note('noted');
    view.draw(() => ['picture']);
    vi.advanceTimersByTime(10_000);
    plain = null;
    vi.advanceTimersByTime(10_000);
    plain = 'three';
    vi.advanceTimersByTime(10_000);
    view.draw(null);
    view.stop();
    vi.advanceTimersByTime(60_000);
    expect(out.text()).toBe('noted\none\nthree\n');
  });
});

it('colours only a terminal that can, for who has not said no', () => {
  expect(wantsColour(output(true), {})).toBe(true);
  expect(wantsColour(output(true), { NO_COLOR: '' })).toBe(true);
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) expect(wantsColour(output(true), env)).toBe(false);
  expect(wantsColour(output(false), {})).toBe(false);
});
