/** The errors of the client as codes of ours. */
import { EspalierError } from '../../../errors.ts';
import type { ErrorCode } from '../../../errors.ts';

interface ClientError extends Error { readonly type?: string; readonly retriable?: boolean; readonly cause?: unknown; readonly code?: unknown }

const asError = (error: unknown): ClientError => (error instanceof Error ? error : new Error(String(error)));

/** The error at the bottom: the client wraps what it gave up on. */
function rootOf(error: ClientError): ClientError {
  let root = error;
  for (let depth = 0; depth < 10 && root.cause instanceof Error; depth++) root = root.cause;
  return root;
}

/** What a broker that is there, but does not want what was asked, answers with. */
const REFUSALS = /SASL|AUTHORIZATION|AUTHENTICATION|TOO_LARGE|INVALID|UNSUPPORTED|POLICY|SECURITY|TOO_LARGE|EXCEEDED_QUOTA|certificate|CERT_|self.signed/i;
const UNREACHABLE = /Connection|Timeout|BrokerNotFound|NoBrokerAvailable|CoordinatorNotFound|MetadataNotLoaded|RetriesExceeded|LockTimeout/;

export function codeOfClient(error: unknown): ErrorCode {
  const root = rootOf(asError(error));
  const said = `${root.name} ${root.type ?? ''} ${String(root.code ?? '')} ${root.message}`;
  if (REFUSALS.test(said)) return 'broker-refused';
  return root.retriable === true || UNREACHABLE.test(root.name) || UNREACHABLE.test(asError(error).name) ? 'broker-unreachable' : 'broker-refused';
}

/** broker-unreachable or broker-refused, with what the client said; errors of ours pass as they are. */
export function kafkaError(error: unknown, what: string): EspalierError {
  if (error instanceof EspalierError) return error;
  return new EspalierError(codeOfClient(error), `${what}: ${rootOf(asError(error)).message}`, error);
}

/** Errors after which a producer that numbers its records has lost count, and another must take its place. */
export const LOST_COUNT: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'DUPLICATE_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED']);
export const typeOfClient = (error: unknown): string => rootOf(asError(error)).type ?? '';
