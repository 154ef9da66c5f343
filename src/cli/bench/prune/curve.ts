/** Accuracy against speed of all models of a task, as a picture in SVG: one line for each way to make them. */
import type { Method, PruneRow } from './row.ts';
import { meanOf } from './demands.ts';

const WIDTH = 760, HEIGHT = 460, LEFT = 70, RIGHT = 220, TOP = 50, BOTTOM = 60;
const COLOURS = ['#1b6ca8', '#c8553d', '#2a9d5c', '#7a4fa3', '#d19a00', '#555555', '#17a2b8', '#b03a6e'];

interface Point { readonly speed: number; readonly value: number; readonly error: number; readonly text: string }
export interface Line { readonly name: string; readonly points: readonly Point[] }

const NAMES: Readonly<Record<Method, string>> = { 'dense': 'dense parent', 'pruned': '', 'cut': '', 'repaired': 'repaired, not trained', 'units': 'whole units', 'weights': 'single weights', 'small': 'small dense, labels', 'small-taught': 'small dense, taught' };

const nameOf = ({ method, granularity, criterion, engine }: PruneRow): string | null => {
  if (method === 'cut' || (method === 'repaired' && criterion !== 'fisher')) return null;
  if (method === 'pruned') return `${granularity === 'g4' ? `groups of four${engine === 'int8' ? ' (int8)' : ''}` : 'connections'}${criterion === 'random' ? ', random' : ''}`;
  return NAMES[method];
};

/** Means over seeds and parts, each line in order of speed. */
export function linesOf(rows: readonly PruneRow[]): readonly Line[] {
  const lines = new Map<string, Map<string, PruneRow[]>>();
  for (const row of rows) {
    const name = nameOf(row);
    if (name === null) continue;
    const line = lines.get(name) ?? new Map<string, PruneRow[]>(), text = row.method === 'pruned' || row.method === 'repaired' || row.method === 'weights' ? String(row.density) : String(row.layers[0]!);
    line.set(text, [...line.get(text) ?? [], row]);
    lines.set(name, line);
  }
  return [...lines].map(([name, line]) => ({
    name,
    points: [...line].map(([text, group]): Point => {
      const { mean, error } = meanOf(group.map(({ value }) => value));
      return { text, value: mean, error: error ?? 0, speed: meanOf(group.map(({ laneStepsPerSecond }) => laneStepsPerSecond)).mean };
    }).sort((a, b) => a.speed - b.speed),
  }));
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const short = (value: number): string => String(Math.round(10 * value) / 10);

/** Speeds of 1, 2 and 5 times a power of ten within the bounds. */
const ticksOf = (low: number, high: number): readonly number[] => Array.from({ length: 30 }, (_, at) => [1, 2, 5][at % 3]! * 10 ** Math.floor(at / 3)).filter((tick) => tick >= low && tick <= high);

/** @param title of the picture. Better is higher: bits are drawn upside down. */
export function curveOf(title: string, rows: readonly PruneRow[]): string {
  const lines = linesOf(rows), points = lines.flatMap((line) => line.points), bits = rows[0]?.metric === 'bits';
  const speeds = points.map(({ speed }) => speed), values = points.flatMap(({ value, error }) => [value - error, value + error]);
  const low = Math.min(...speeds) / 1.15, high = 1.15 * Math.max(...speeds), least = Math.min(...values), most = Math.max(...values), room = 0.06 * Math.max(1e-6, most - least);
  const x = (speed: number): number => LEFT + (WIDTH - LEFT - RIGHT) * Math.log(speed / low) / Math.log(high / low);
  const y = (value: number): number => { const share = (value - least + room) / (most - least + 2 * room); return TOP + (HEIGHT - TOP - BOTTOM) * (bits ? share : 1 - share); };
  const shown = (value: number): string => (bits ? value.toFixed(3) : (100 * value).toFixed(1));
  const rungs = Array.from({ length: 6 }, (_, at) => least + (most - least) * at / 5);
  const grid = [
    ...ticksOf(low, high).map((tick) => `<path d="M${short(x(tick))} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/><text x="${short(x(tick))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${tick >= 1e6 ? `${tick / 1e6} M` : `${tick / 1e3} k`}</text>`),
    ...rungs.map((rung) => `<path d="M${LEFT} ${short(y(rung))}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 8}" y="${short(y(rung) + 4)}" text-anchor="end">${shown(rung)}</text>`),
  ];
  const drawn = lines.map(({ name, points: of }, at) => {
    const colour = COLOURS[at % COLOURS.length]!;
    return `<g stroke="${colour}" fill="${colour}"><path fill="none" d="M${of.map(({ speed, value }) => `${short(x(speed))} ${short(y(value))}`).join('L')}"/>${of.map(({ speed, value, error, text }) =>
      `<path d="M${short(x(speed))} ${short(y(value - error))}V${short(y(value + error))}"/><circle cx="${short(x(speed))}" cy="${short(y(value))}" r="3.5"/><text stroke="none" x="${short(x(speed) + 6)}" y="${short(y(value) - 6)}">${escaped(text)}</text>`).join('')}<text stroke="none" x="${WIDTH - RIGHT + 16}" y="${TOP + 14 + 20 * at}">● ${escaped(name)}</text></g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#222"><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/><text x="${LEFT}" y="26" font-size="15">${escaped(title)}</text>${grid.join('')}${drawn.join('')}<text x="${LEFT}" y="${HEIGHT - 14}">lane-steps a second, one thread (log); ${bits ? 'bits a character, test part (better is higher)' : 'accuracy in %, test part'}; bars: one standard error</text></svg>\n`;
}
