/** A Kafka broker as a process of its own: one node, controller and broker at once, on loopback, in a temporary folder. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { KAFKA_VERSION, brokerJars } from './jars.ts';
import type { Broker } from './broker.ts';
import { runProgram } from './run-program.ts';

const START_MS_MAX = 60_000;
const STARTS_MAX = 3;
const CLUSTER = 'C14Uo49XTauhBSB2rVLyKg';
const JAVA = ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];

const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const server = net.createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as net.AddressInfo;
    server.close(() => { resolve(port); });
  });
});

const answers = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); resolve(true); }).once('error', () => { resolve(false); });
});

const properties = (folder: string, port: number, controller: number): string => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=${path.join(folder, 'data')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=4194304
auto.create.topics.enable=false
`;

class BareBroker implements Broker {
  readonly way = `a process on Java (Kafka ${KAFKA_VERSION} from Maven's jars)`;
  readonly brokers: readonly string[];
  readonly #folder: string;
  readonly #jars: string;
  readonly #port: number;
  #child: ChildProcess | null = null;
  readonly #end = (): void => { this.#child?.kill('SIGKILL'); };

  constructor(folder: string, jars: string, port: number) {
    this.#folder = folder;
    this.#jars = jars;
    this.#port = port;
    this.brokers = [`127.0.0.1:${port}`];
  }

  async start(): Promise<void> {
    const log = fs.openSync(path.join(this.#folder, 'broker.log'), 'a');
    const child = spawn('java', ['-Xms256m', '-Xmx256m', ...JAVA, '-cp', path.join(this.#jars, '*'), 'kafka.Kafka', path.join(this.#folder, 'server.properties')], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.#child = child;
    process.once('exit', this.#end);
    const end = Date.now() + START_MS_MAX;
    while (!(await answers(this.#port))) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
        child.kill('SIGKILL');
        throw new Error(`the broker did not start:\n${fs.readFileSync(path.join(this.#folder, 'broker.log'), 'utf8').slice(-2000)}`);
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }

  pause(): Promise<void> { this.#child?.kill('SIGSTOP'); return Promise.resolve(); }
  resume(): Promise<void> { this.#child?.kill('SIGCONT'); return Promise.resolve(); }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    process.off('exit', this.#end);
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function startOnce(jars: string): Promise<BareBroker> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-kafka-'));
  const [port, controller] = [await freePort(), await freePort()];
  const broker = new BareBroker(folder, jars, port);
  try {
    fs.writeFileSync(path.join(folder, 'server.properties'), properties(folder, port, controller));
    await runProgram('java', ['-Xmx128m', ...JAVA, '-cp', path.join(jars, '*'), 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', path.join(folder, 'server.properties')], { cwd: folder, limitMs: START_MS_MAX });
    await broker.start();
    return broker;
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** Starts a broker on free ports; another program may take one in between, so it is tried again on others. */
export async function startBareBroker(cache: string): Promise<Broker> {
  const jars = await brokerJars(cache);
  for (let starts = 1; ; starts++) {
    try { return await startOnce(jars); } catch (error) { if (starts === STARTS_MAX) throw error; }
  }
}
