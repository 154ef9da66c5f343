/** What the machine gives: Node, processor, disk space, the port. */
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Settings } from '../../config/schema.ts';
import { bytesText } from '../print.ts';
import type { Finding } from './finding.ts';
import { missing, ok, poor } from './finding.ts';

const SPACE_BYTES_MIN = 1e9;

export function node(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const detail = `${process.version}, N-API ${process.versions.napi}`;
  return major > 20 || (major === 20 && minor >= 19) ? ok('node', detail) : missing('node', detail, 'Install Node 20.19 or newer.');
}

/** Vector extensions that the kernel has variants for; null where the system does not tell. */
export function vectorExtensions(): readonly string[] | null {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(/\s+/) ?? [];
    return ['avx2', 'fma', 'avx512f', 'avx512vl', 'avx512bw', 'avx512dq'].filter((name) => flags.includes(name));
  } catch { return null; }
}

export function processor(): Finding {
  const extensions = vectorExtensions();
  const model = os.cpus()[0]?.model ?? 'unknown';
  const seen = extensions === null ? 'extensions not told by the system' : extensions.join(' ') || 'none of AVX2, AVX-512';
  return ok('processor', `${process.platform}-${process.arch}, ${os.availableParallelism()} cores, ${model}: ${seen}`);
}

export function memory(): Finding {
  const detail = `${bytesText(os.freemem())} free of ${bytesText(os.totalmem())}`;
  return os.totalmem() < 1.5e9 ? poor('memory', detail, 'Training wants about 1 GB; use a larger machine.') : ok('memory', detail);
}

/** Free space of the disk on which a folder is, or would be. */
export function space(name: string, folder: string): Finding {
  let there = path.resolve(folder);
  while (!fs.existsSync(there) && path.dirname(there) !== there) there = path.dirname(there);
  try {
    const { bavail, bsize } = fs.statfsSync(there);
    fs.accessSync(there, fs.constants.W_OK);
    const detail = `${bytesText(bavail * bsize)} free at ${folder}`;
    return bavail * bsize < SPACE_BYTES_MIN ? poor(name, detail, 'Free 1 GB there, or choose another folder.') : ok(name, detail);
  } catch (error) {
    return missing(name, `${folder}: ${(error as Error).message}`, 'Choose a folder that can be written to.');
  }
}

/** Whether the console's address can be taken. */
export function port({ console: { host, port: number } }: Settings): Promise<Finding> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error) => resolve(poor('port', `${host}:${number}: ${error.message}`, 'Stop the other program, or set console.port (0 takes any free one).')));
    server.listen(number, host, () => {
      const taken = (server.address() as net.AddressInfo).port;
      server.close(() => resolve(ok('port', `${host}:${taken} is free`)));
    });
  });
}
