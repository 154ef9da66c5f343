/** The masks of a model as a picture in SVG: a panel for each layer, what is read from top to bottom, units from left to right, dark where connections are alive. */
import type { Model } from '../../model/model.ts';
import { aliveOf } from '../../model/mask.ts';
import type { LayerMask, LayerShape } from '../../model/shape.ts';
import { layerShapes } from '../../model/shape.ts';

/** Cells of a panel at most; a larger layer is drawn as shares of rectangles of connections. */
const CELLS_MAX = 192;
const PANEL = 480, LEFT = 76, TOP = 92, GAP = 56, LEVELS = 8;

interface Grid { readonly rows: number; readonly columns: number; /** Share alive, [rows, columns]. */ readonly shares: Float64Array }

/** The mask in at most so many rows and columns. */
export function gridOf(mask: LayerMask, { sources, units }: Pick<LayerShape, 'sources' | 'units'>, cellsMax = CELLS_MAX): Grid {
  // Whole connections in each cell, as many in every one but the last, or bands would be seen that are not there.
  const tall = Math.ceil(sources / cellsMax), wide = Math.ceil(units / cellsMax), rows = Math.ceil(sources / tall), columns = Math.ceil(units / wide), alive = new Float64Array(rows * columns), all = new Float64Array(rows * columns);
  for (let k = 0; k < sources; k++) {
    const row = Math.floor(k / tall);
    for (let j = 0; j < units; j++) {
      const at = row * columns + Math.floor(j / wide);
      alive[at]! += mask[k * units + j]!;
      all[at]!++;
    }
  }
  return { rows, columns, shares: alive.map((count, at) => count / all[at]!) };
}

/** Steps of grey; the square root, so that few alive connections are still seen. */
const levelOf = (share: number): number => (share === 0 ? 0 : Math.max(1, Math.round(LEVELS * Math.sqrt(share))));

const short = (value: number): string => String(Math.round(100 * value) / 100);

/** One path for each grey, of runs of cells in a row. */
function cellsOf({ rows, columns, shares }: Grid, width: number, height: number): string {
  const w = width / columns, h = height / rows, paths = Array.from({ length: LEVELS + 1 }, () => '');
  for (let row = 0; row < rows; row++) {
    for (let from = 0, to = 0; from < columns; from = to) {
      const level = levelOf(shares[row * columns + from]!);
      while (to < columns && levelOf(shares[row * columns + to]!) === level) to++;
      if (level > 0) paths[level] += `M${short(from * w)} ${short(row * h)}h${short((to - from) * w)}v${short(h)}H${short(from * w)}z`;
    }
  }
  const grey = (level: number): number => Math.round(225 - 205 * level / LEVELS);
  return paths.map((path, level) => (path === '' ? '' : `<path fill="rgb(${grey(level)},${grey(level)},${grey(level)})" d="${path}"/>`)).join('');
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

function panelOf(shape: LayerShape, mask: LayerMask, x: number, stack: boolean): { readonly svg: string; readonly width: number; readonly height: number } {
  const { inputs, units, sources, layer, backward } = shape, grid = gridOf(mask, shape), unit = PANEL / Math.max(sources, units);
  // Narrow layers stay wide enough for their title.
  const width = Math.max(units * unit, 160), height = Math.max(sources * unit, 160), border = height * inputs / sources;
  const name = `${stack ? `layer ${layer + 1}` : 'the layer'}${backward ? ', backwards' : ''}: ${percent(aliveOf(mask) / mask.length)} of ${mask.length}`;
  const side = (from: number, to: number, what: string, of: LayerMask): string => `<text transform="translate(-34 ${short((from + to) / 2)}) rotate(-90)" text-anchor="middle">${what}</text><text transform="translate(-20 ${short((from + to) / 2)}) rotate(-90)" text-anchor="middle" class="s">${percent(aliveOf(of) / of.length)} alive</text>`;
  const svg = `<g transform="translate(${short(x)} ${TOP})"><text y="-14" class="b">${name}</text><rect width="${short(width)}" height="${short(height)}" fill="#fff"/>${cellsOf(grid, width, height)}`
    + `<rect width="${short(width)}" height="${short(height)}" fill="none" stroke="#555"/><path d="M-8 ${short(border)}H${short(width)}" stroke="#c33" stroke-dasharray="4 3" fill="none"/>`
    + side(0, border, `${inputs} ${layer > 0 ? 'units below' : 'inputs'}`, mask.subarray(0, inputs * units)) + side(border, height, `${units} units before`, mask.subarray(inputs * units))
    + `<text x="${short(width / 2)}" y="${short(height + 22)}" text-anchor="middle">${units} units</text></g>`;
  return { svg, width, height };
}

/** Pure: the same model gives the same picture. */
export function maskPicture({ shape, mask }: Pick<Model, 'shape' | 'mask'>, title: string): string {
  let x = LEFT, height = 0, drawn = '';
  for (const of of layerShapes(shape)) {
    const panel = panelOf(of, mask[of.index]!, x, shape.layers.length > 1);
    drawn += panel.svg;
    x += panel.width + GAP + 24;
    height = Math.max(height, panel.height);
  }
  const legend = Array.from({ length: LEVELS + 1 }, (_, level) => `<rect x="${level * 18}" width="18" height="12" stroke="#999" stroke-width="0.5" fill="${level === 0 ? '#fff' : `rgb(${Array(3).fill(Math.round(225 - 205 * level / LEVELS)).join(',')})`}"/>`).join('');
  const width = Math.max(x, 680), total = TOP + height + 84;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${short(width)} ${short(total)}" width="${short(width)}" height="${short(total)}" font-family="sans-serif" font-size="12" fill="#222">`
    + `<style>.b{font-weight:bold}.s{fill:#666}</style><rect width="100%" height="100%" fill="#fff"/><text x="${LEFT - 48}" y="30" font-size="17" class="b">${escaped(title)}</text>`
    + `<text x="${LEFT - 48}" y="50" class="s">Rows: what is read, inputs above the red line and the state below. Columns: units that read it.</text>${drawn}`
    + `<g transform="translate(${LEFT} ${short(TOP + height + 46)})">${legend}<text x="${(LEVELS + 1) * 18 + 8}" y="11" class="s">none alive, few … all alive</text></g></svg>\n`;
}
