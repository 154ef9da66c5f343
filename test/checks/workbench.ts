// Check list of the port Workbench: what every workbench must do.
import { describe, expect, it } from 'vitest';
import type { Workbench } from '../../src/ports.ts';

export function checkWorkbench(name: string, open: () => Workbench): void {
  const work = 'a'.repeat(64), other = 'b'.repeat(64);

  describe(`the workbench ${name}`, () => {
    it('gives back what was written last under a name, and nothing under another', async () => {
      const bench = open();
      expect(await bench.read(work)).toBeNull();
      await bench.write(work, Uint8Array.of(1, 2, 3));
      await bench.write(work, Uint8Array.of(4));
      expect(await bench.read(work)).toEqual(Uint8Array.of(4));
      expect(await bench.read(other)).toBeNull();
    });

    it('keeps what was written, whatever is done to the array afterwards', async () => {
      const bench = open(), bytes = Uint8Array.of(1, 2);
      await bench.write(work, bytes);
      bytes[0] = 9;
      (await bench.read(work))![1] = 9;
      expect(await bench.read(work)).toEqual(Uint8Array.of(1, 2));
    });

    it('removes work, and does not mind doing it twice', async () => {
      const bench = open();
      await bench.write(work, Uint8Array.of(1));
      await bench.remove(work);
      await bench.remove(work);
      expect(await bench.read(work)).toBeNull();
    });
  });
}
