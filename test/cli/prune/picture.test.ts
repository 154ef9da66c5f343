// Goal: the picture of the masks is sound SVG, dark exactly where connections are alive, small for large layers. Method: masks with a known pattern, read back from the grid and the paths.
import { describe, expect, it } from 'vitest';
import { gridOf, maskPicture } from '../../../src/cli/prune/picture.ts';
import { fullMask } from '../../../src/model/mask.ts';
import type { ModelShape } from '../../../src/model/shape.ts';

const shape: ModelShape = { cell: 'gru', vocabulary: 0, inputs: 6, layers: [4, 3], bidirectional: true, task: 'classify', outputs: 2, state: 'reset' };

describe('mask picture', () => {
  it('has a cell for each connection of a small layer, and shares of many of a large one', () => {
    const mask = Uint8Array.from({ length: 6 * 4 }, (_, at) => at % 2);
    expect([...gridOf(mask, { sources: 6, units: 4 }).shares]).toEqual([...mask]);
    const large = gridOf(Uint8Array.from({ length: 300 * 200 }, (_, at) => (at % 200 < 100 ? 1 : 0)), { sources: 300, units: 200 }, 100);
    expect([large.rows, large.columns]).toEqual([100, 100]);
    large.shares.forEach((share, at) => { expect(share).toBe(at % 100 < 50 ? 1 : 0); });
  });

  it('draws a panel for every layer and direction, with titles, and escapes what it is called', () => {
    const svg = maskPicture({ shape, mask: fullMask(shape) }, 'a < b & c');
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg.match(/<g transform/g)).toHaveLength(4 + 1);
    expect(svg).toContain('layer 2, backwards: 100 %');
    // A full layer of 10 sources is ten runs, one a row.
    expect(/<path fill="rgb\(20,20,20\)" d="([^"]*)"/.exec(svg)![1]!.match(/M/g)).toHaveLength(10);
    expect(maskPicture({ shape, mask: fullMask(shape) }, 'a < b & c')).toBe(svg);
  });

  it('leaves what is dead white', () => {
    const svg = maskPicture({ shape, mask: fullMask(shape).map((layer) => new Uint8Array(layer.length)) }, 'nothing');
    expect(svg).not.toContain('<path fill=');
  });
});
