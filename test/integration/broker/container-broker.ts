/** A Kafka broker in a container of the official image, by testcontainers. */
import type { StartedTestContainer } from 'testcontainers';
import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers';
import type { Broker } from './broker.ts';
import { KAFKA_VERSION } from './jars.ts';

const IMAGE = `apache/kafka:${KAFKA_VERSION}`;
const START_MS_MAX = 120_000;
const PORT = 9092;

const ENVIRONMENT = {
  KAFKA_NODE_ID: '1', KAFKA_PROCESS_ROLES: 'broker,controller', KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093,BROKER://:9094',
  KAFKA_INTER_BROKER_LISTENER_NAME: 'BROKER', KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
  KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT', KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
  KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1', KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1', KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0', KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000', KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
};

/** The mapped port must be known before the broker advertises it: the container waits for a script that is put in then. */
class KafkaContainer extends GenericContainer {
  constructor() {
    super(IMAGE);
    this.withExposedPorts(PORT).withEnvironment(ENVIRONMENT).withEntrypoint(['sh'])
      .withCommand(['-c', 'echo waiting; while [ ! -f /tmp/start.sh ]; do sleep 0.1; done; exec sh /tmp/start.sh'])
      .withWaitStrategy(Wait.forLogMessage('waiting')).withStartupTimeout(START_MS_MAX);
  }

  protected override async containerStarted(container: StartedTestContainer): Promise<void> {
    const advertised = `PLAINTEXT://${container.getHost()}:${container.getMappedPort(PORT)},BROKER://localhost:9094`;
    await container.copyContentToContainer([{ target: '/tmp/start.sh', mode: 0o755, content: `export KAFKA_ADVERTISED_LISTENERS=${advertised}\nexec /etc/kafka/docker/run\n` }]);
    const client = await getContainerRuntimeClient();
    await Wait.forLogMessage(/Kafka Server started/).withStartupTimeout(START_MS_MAX).waitUntilReady(client.container.getById(container.getId()), {} as never);
  }
}

export async function startContainerBroker(): Promise<Broker> {
  const container = await new KafkaContainer().start();
  const client = await getContainerRuntimeClient();
  const handle = client.container.getById(container.getId());
  return {
    way: `a container of ${IMAGE}`,
    brokers: [`${container.getHost()}:${container.getMappedPort(PORT)}`],
    pause: async () => { await handle.pause(); },
    resume: async () => { await handle.unpause(); },
    // The mapped port would be another one after a restart: this broker can hang, but not die.
    kill: null,
    start: null,
    close: async () => { await container.stop(); },
  };
}
