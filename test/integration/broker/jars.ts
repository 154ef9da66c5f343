/** The jars of a Kafka broker from Maven's repository, kept in the cache, each with the checksum that it had when it was pinned. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { runProgram } from './run-program.ts';
import pinned from './jars.json' with { type: 'json' };

export const KAFKA_VERSION = '4.4.0';
const FETCH_MS_MAX = 300_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>espalier.test</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
`;

/** What is wrong with the jars of a folder; empty where all is as pinned. */
function faults(folder: string): readonly string[] {
  const wrong = Object.entries(pinned as Readonly<Record<string, string>>).flatMap(([name, sum]) => {
    const file = path.join(folder, name);
    if (!fs.existsSync(file)) return [`${name} is missing`];
    return createHash('sha256').update(fs.readFileSync(file)).digest('hex') === sum ? [] : [`${name} has another checksum`];
  });
  const others = fs.readdirSync(folder).filter((name) => name.endsWith('.jar') && !(name in pinned));
  return [...wrong, ...others.map((name) => `${name} is not pinned`)];
}

/** The folder of the jars; fetched at the first time, by a rename, so that two at once do no harm. */
export async function brokerJars(cache: string): Promise<string> {
  const folder = path.join(cache, `kafka-${KAFKA_VERSION}`);
  if (fs.existsSync(folder)) return folder;
  fs.mkdirSync(cache, { recursive: true });
  const made = fs.mkdtempSync(path.join(cache, 'kafka-fetching-'));
  try {
    const libs = path.join(made, 'libs');
    fs.writeFileSync(path.join(made, 'pom.xml'), POM);
    await runProgram('mvn', ['-q', '-B', '-ntp', 'dependency:copy-dependencies', `-DoutputDirectory=${libs}`, '-DincludeScope=runtime'], { cwd: made, limitMs: FETCH_MS_MAX });
    const wrong = faults(libs);
    if (wrong.length > 0) throw new Error(`the jars of Kafka ${KAFKA_VERSION} are not the pinned ones: ${wrong.join(', ')}`);
    try { fs.renameSync(libs, folder); } catch (error) { if (!fs.existsSync(folder)) throw error; }
    return folder;
  } finally {
    fs.rmSync(made, { recursive: true, force: true });
  }
}
