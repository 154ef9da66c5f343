// Reads chosen entries of a zip file below 4 GiB (a wheel is one); Node has inflate, but no zip reader.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

const END_BYTES_MAX = 65_557; // end record with the longest comment
const LOCAL_HEAD_BYTES = 30;

function entriesOf(fd) {
  const size = fs.fstatSync(fd).size;
  const tail = Buffer.alloc(Math.min(size, END_BYTES_MAX));
  fs.readSync(fd, tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('not a zip file');
  const directory = Buffer.alloc(tail.readUInt32LE(end + 12));
  fs.readSync(fd, directory, 0, directory.length, tail.readUInt32LE(end + 16));
  const entries = [];
  for (let at = 0; at < directory.length;) {
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      method: directory.readUInt16LE(at + 10),
      packed: directory.readUInt32LE(at + 20),
      offset: directory.readUInt32LE(at + 42),
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

async function writeEntry(file, fd, entry, into) {
  const target = path.join(into, entry.name);
  if (!target.startsWith(into + path.sep)) throw new Error(`bad path in the archive: ${entry.name}`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  if (entry.packed === 0) { fs.writeFileSync(target, ''); return; }
  const head = Buffer.alloc(LOCAL_HEAD_BYTES);
  fs.readSync(fd, head, 0, head.length, entry.offset);
  const start = entry.offset + head.length + head.readUInt16LE(26) + head.readUInt16LE(28);
  const source = fs.createReadStream(file, { start, end: start + entry.packed - 1, highWaterMark: 1 << 20 });
  const sink = fs.createWriteStream(target);
  await (entry.method === 0 ? pipeline(source, sink) : pipeline(source, createInflateRaw({ chunkSize: 1 << 20 }), sink));
}

/** Unpacks the entries whose name is wanted into a folder. */
export async function unzip(file, wanted, into) {
  const fd = fs.openSync(file, 'r');
  try {
    for (const entry of entriesOf(fd).filter(({ name }) => wanted(name))) await writeEntry(file, fd, entry, into);
  } finally { fs.closeSync(fd); }
}
