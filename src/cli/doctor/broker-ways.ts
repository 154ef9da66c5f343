/** Which Kafka the integration tests would run against: one given, a container, or a broker out of Maven's jars. */
import { execFile } from 'node:child_process';

export interface BrokerWays {
  /** Addresses of a broker that is there, from KAFKA_BROKERS. */
  readonly external: readonly string[] | null;
  /** Version of the Docker engine that answers; null where none does. */
  readonly engine: string | null;
  /** Whether Java (17 or newer) and Maven run. */
  readonly java: string | null;
  readonly maven: boolean;
}

const LIMIT_MS = 10_000;

const said = (program: string, args: readonly string[]): Promise<string | null> => new Promise((resolve) => {
  execFile(program, [...args], { timeout: LIMIT_MS }, (error, stdout, stderr) => { resolve(error === null ? `${stdout}${stderr}`.trim() : null); });
});

/** The version of `java -version`, where it is 17 or newer. */
export function javaVersion(text: string | null): string | null {
  const version = /version "([^"]+)"/.exec(text ?? '')?.[1];
  return version !== undefined && Number.parseInt(version, 10) >= 17 ? version : null;
}

export async function brokerWays(environment: Readonly<Record<string, string | undefined>>): Promise<BrokerWays> {
  const external = environment['KAFKA_BROKERS']?.split(',').map((address) => address.trim()).filter((address) => address !== '') ?? [];
  const [engine, java, maven] = await Promise.all([said('docker', ['version', '--format', '{{.Server.Version}}']), said('java', ['-version']), said('mvn', ['--version'])]);
  return { external: external.length > 0 ? external : null, engine: engine === '' ? null : engine, java: javaVersion(java), maven: maven !== null };
}
