import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EspalierError } from '../errors.ts';

/** Requests have no body that we read, a header is small, and a scrape is quick: what takes longer is no scrape. */
const HEADER_BYTES_MAX = 8 << 10;
const HEADERS_MS_MAX = 5_000;
const REQUEST_MS_MAX = 10_000;
const KEEP_ALIVE_MS_MAX = 5_000;
const CONNECTIONS_MAX = 64;
const CHECK_MS = 1_000;

export interface Health {
  readonly ok: boolean;
  /** By name of the check: whether it passes, or what it says. */
  readonly checks: Readonly<Record<string, unknown>>;
}

export interface ConsoleOptions {
  /** Loopback unless another address is given. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>;
  readonly health: () => Health;
  readonly state?: () => unknown;
}

export interface Console {
  readonly url: string;
  readonly port: number;
  /** Stops listening, lets the running answers end, closes all connections. */
  close(): Promise<void>;
}

interface Answer { readonly status: number; readonly contentType: string; readonly body: string }
type Route = () => Answer | Promise<Answer>;

const TEXT = 'text/plain; charset=utf-8';
const text = (status: number, body: string): Answer => ({ status, contentType: TEXT, body });
const json = (status: number, value: unknown): Answer => ({ status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value, null, 2)}\n` });

/**
 * The HTTP server for operators: /metrics for Prometheus, /healthz for the orchestrator, /state for the curious. Reads
 * only. Throws port-in-use; another reason not to listen (no such address) is passed on as it is.
 */
export async function startConsole({ host = '127.0.0.1', port, metrics, health, state }: ConsoleOptions): Promise<Console> {
  const routes = new Map<string, Route>([
    ['/metrics', async () => {
      const { text: body, contentType } = await metrics();
      return { status: 200, contentType, body };
    }],
    ['/healthz', () => {
      const now = health();
      return json(now.ok ? 200 : 503, now);
    }],
  ]);
  if (state !== undefined) routes.set('/state', () => json(200, state()));
  const index = ['espalier', ...routes.keys()].join('\n');
  routes.set('/', () => text(200, `${index}\n`));

  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_MS_MAX, requestTimeout: REQUEST_MS_MAX, keepAliveTimeout: KEEP_ALIVE_MS_MAX,
    connectionsCheckingInterval: CHECK_MS,
  });
  server.maxConnections = CONNECTIONS_MAX;
  // A client that neither reads nor writes is cut off.
  server.timeout = REQUEST_MS_MAX;
  const running = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    const one = answer(routes, request, response).finally(() => running.delete(one));
    running.add(one);
  });
  await listen(server, host, port);
  const bound = server.address() as AddressInfo;
  const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { url: `http://${shown}:${String(bound.port)}`, port: bound.port, close: () => stop(server, running) };
}

async function answer(routes: ReadonlyMap<string, Route>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Bodies are not read: the connection ends with the answer instead of waiting for the rest of one.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) response.setHeader('connection', 'close');
  const { status, contentType, body } = await answerOf(routes, request);
  if (status === 405) response.setHeader('allow', 'GET, HEAD');
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.end(request.method === 'HEAD' ? undefined : body);
  });
}

async function answerOf(routes: ReadonlyMap<string, Route>, { url = '/', method }: IncomingMessage): Promise<Answer> {
  const route = routes.get(url.split('?', 1)[0]!);
  if (route === undefined) return text(404, `Not found. There is: ${[...routes.keys()].join(' ')}\n`);
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'Only GET is answered here.\n');
  try {
    return await route();
  } catch (error) {
    return text(500, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new EspalierError('port-in-use', `Address: ${host}:${String(port)}`, error) : error);
    });
    server.listen(port, host, () => { resolve(); });
  });
}

async function stop(server: Server, running: ReadonlySet<Promise<void>>): Promise<void> {
  const closed = new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
  await Promise.all(running);
  // Also those that have connected and asked nothing yet.
  server.closeAllConnections();
  await closed;
}
