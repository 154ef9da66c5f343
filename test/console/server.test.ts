// Goal: the console answers what operators ask, refuses the rest, and closes. Method: real HTTP on free ports of loopback.
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startConsole, type Console, type ConsoleOptions } from '../../src/console/server.ts';

const running: Console[] = [];
afterEach(async () => { for (const one of running.splice(0)) await one.close(); });

async function start(options: Partial<ConsoleOptions> = {}): Promise<Console> {
  const started = await startConsole({
    port: 0,
    metrics: () => Promise.resolve({ text: 'up 1\n', contentType: 'text/plain; version=0.0.4' }),
    health: () => ({ ok: true, checks: { engine: 'native' } }),
    ...options,
  });
  running.push(started);
  return started;
}

describe('the console', () => {
  it('listens on loopback unless told otherwise', async () => {
    const { url, port } = await start();
    expect(url).toBe(`http://127.0.0.1:${String(port)}`);
    expect(port).toBeGreaterThan(0);
    expect((await start({ host: '::1' }).catch(() => null))?.url ?? 'http://[::1]').toMatch(/^http:\/\/\[::1\]/);
  });

  it('serves the metrics with their content type', async () => {
    const { url } = await start();
    const answer = await fetch(`${url}/metrics?debug=1`);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, 'text/plain; version=0.0.4', 'up 1\n']);
  });

  it('says 200 while healthy and 503 when not, with the checks', async () => {
    let ok = true;
    const { url } = await start({ health: () => ({ ok, checks: { lag: 3 } }) });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    ok = false;
    const sick = await fetch(`${url}/healthz`);
    expect([sick.status, await sick.json()]).toEqual([503, { ok: false, checks: { lag: 3 } }]);
  });

  it('shows the state where there is one, and an index', async () => {
    const { url } = await start({ state: () => ({ phase: 'shadow' }) });
    expect(await (await fetch(`${url}/state`)).json()).toEqual({ phase: 'shadow' });
    expect(await (await fetch(url)).text()).toBe('espalier\n/metrics\n/healthz\n/state\n');
    expect((await fetch(`${(await start()).url}/state`)).status).toBe(404);
  });

  it('refuses other paths and other methods', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/metrics/../secret`)).status).toBe(404);
    const post = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5', '']);
  });

  it('answers 500 when a collector fails, and goes on', async () => {
    let broken = true;
    const { url } = await start({ metrics: () => (broken ? Promise.reject(new Error('no numbers')) : Promise.resolve({ text: '', contentType: 'text/plain' })) });
    const failed = await fetch(`${url}/metrics`);
    expect([failed.status, await failed.text()]).toEqual([500, 'no numbers\n']);
    broken = false;
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });

  it('refuses a header beyond the limit', async () => {
    const { url } = await start();
    expect((await fetch(url, { headers: { long: 'x'.repeat(20_000) } })).status).toBe(431);
  });

  it('says port-in-use', async () => {
    const { port } = await start();
    await expect(startConsole({ port, metrics: () => Promise.resolve({ text: '', contentType: '' }), health: () => ({ ok: true, checks: {} }) })).rejects.toMatchObject({ code: 'port-in-use' });
  });

  it('closes although connections are kept alive, and then refuses new ones', async () => {
    const one = await start();
    const agent = new Agent({ keepAlive: true });
    const status = await new Promise((resolve, reject) => {
      httpRequest(`${one.url}/metrics`, { agent }, (answer) => { answer.resume().on('end', () => { resolve(answer.statusCode); }); }).on('error', reject).end();
    });
    expect(status).toBe(200);
    await one.close();
    agent.destroy();
    const refused = await new Promise((resolve) => { connect(one.port, '127.0.0.1').on('error', (error: NodeJS.ErrnoException) => { resolve(error.code); }).on('connect', () => { resolve('connected'); }); });
    expect(refused).toBe('ECONNREFUSED');
  });

  it('closes although a client has connected and says nothing', async () => {
    const one = await start();
    const socket = connect(one.port, '127.0.0.1');
    const ended = new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    await new Promise((resolve) => socket.on('connect', resolve));
    await fetch(`${one.url}/healthz`);
    await one.close();
    await ended;
  });
});
