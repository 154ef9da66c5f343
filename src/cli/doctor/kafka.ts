/** Kafka: whether the brokers of the settings answer, and what the integration tests would run against. */
import { tryBrokers } from '../../adapters/log/kafka.ts';
import type { Settings } from '../../config/schema.ts';
import type { EspalierError } from '../../errors.ts';
import { codeOf } from '../../errors.ts';
import { kafkaOptions } from '../compose/open-log.ts';
import type { BrokerWays } from './broker-ways.ts';
import { brokerWays } from './broker-ways.ts';
import type { Finding } from './finding.ts';
import { missing, ok, poor } from './finding.ts';

async function brokers(settings: Settings): Promise<Finding> {
  if (settings.log.kind !== 'kafka') return ok('kafka', 'not used: log.kind is embedded (serve, steer and tune want kafka)');
  try {
    const { nodes, topics } = await tryBrokers(kafkaOptions(settings, 'doctor', process.env));
    return ok('kafka', `${settings.kafka.brokers.join(', ')}: ${nodes} broker${nodes === 1 ? '' : 's'}, ${topics} topics of ${settings.kafka.prefix}`);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return missing('kafka', (error as Error).message, (error as EspalierError).remedy);
  }
}

/** In the order in which the integration tests try them. */
export function testFinding({ external, engine, java, maven }: BrokerWays): Finding {
  if (external !== null) return ok('test-kafka', `the brokers of KAFKA_BROKERS: ${external.join(', ')}`);
  const other = java !== null && maven;
  if (engine !== null) return ok('test-kafka', `a container by Docker ${engine}${other ? `; without the image a process on Java ${java}` : ''}`);
  if (other) return ok('test-kafka', `a process on Java ${java} from Maven's jars; no Docker engine answers`);
  return poor('test-kafka', `no Docker engine answers, ${java === null ? 'no Java 17 or newer' : 'no Maven'}`, 'Only for the integration tests: set KAFKA_BROKERS, start Docker, or install Java 17 and Maven.');
}

export const kafka = async (settings: Settings): Promise<readonly Finding[]> => Promise.all([brokers(settings), brokerWays(process.env).then(testFinding)]);
