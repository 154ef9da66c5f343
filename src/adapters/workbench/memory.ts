import type { Workbench } from '../../ports.ts';

/** A workbench that lives as long as the process. */
export function memoryWorkbench(): Workbench {
  const contents = new Map<string, Uint8Array>();
  return {
    read: (name) => Promise.resolve(contents.get(name)?.slice() ?? null),
    write: (name, bytes) => { contents.set(name, bytes.slice()); return Promise.resolve(); },
    remove: (name) => { contents.delete(name); return Promise.resolve(); },
  };
}
