import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { createFarebox } from '@farebox/sdk';
import { protect } from '@farebox/sdk/node';
import { type Config, readConfig } from './config.ts';
import { forecastOf, historyOf } from './weather.ts';

/** Starts the API; answers where it listens and how to stop it. */
export async function startSkycast(config: Config): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const farebox = createFarebox({ url: config.farebox_url, secret_key: config.secret_key });

  const forecast = protect(
    farebox,
    (request, response) => {
      const city = parameter(request, 'city');
      if (city === null) return problem(response, 400, 'Bad Request', 'city_required', 'Say which city: ?city=Lisbon');
      send(response, 200, forecastOf(city));
    },
    { endpoint: '/v1/forecast', scope: 'forecast' },
  );

  const history = protect(
    farebox,
    (request, response, { features }) => {
      if (features['history'] !== true) {
        return problem(
          response,
          403,
          'Forbidden',
          'plan_without_history',
          'Historical data is not part of your plan. Upgrade to Pro.',
        );
      }
      const city = parameter(request, 'city');
      if (city === null) return problem(response, 400, 'Bad Request', 'city_required', 'Say which city: ?city=Lisbon');
      const day = parameter(request, 'day') ?? '2019-07-04';
      if (!isDay(day))
        return problem(response, 400, 'Bad Request', 'day_invalid', 'Say which day since 1985: ?day=2019-07-04');
      send(response, 200, historyOf(city, day));
    },
    { endpoint: '/v1/history', scope: 'history' },
  );

  const routes: Record<string, typeof forecast> = { '/v1/forecast': forecast, '/v1/history': history };
  const server = createServer((request, response) => {
    const route = routes[urlOf(request).pathname];
    if (route === undefined) {
      return problem(
        response,
        404,
        'Not Found',
        'not_found',
        'There are GET /v1/forecast?city=… and GET /v1/history?city=…&day=…',
      );
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return problem(response, 405, 'Method Not Allowed', 'method_not_allowed', 'This address takes GET.');
    }
    void route(request, response); // answers every failure itself
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  return {
    url: `http://localhost:${port}`,
    port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function urlOf(request: IncomingMessage): URL {
  return URL.canParse(request.url ?? '/', 'http://skycast')
    ? new URL(request.url ?? '/', 'http://skycast')
    : new URL('http://skycast');
}

function parameter(request: IncomingMessage, name: string): string | null {
  const value = urlOf(request).searchParams.get(name)?.trim() ?? '';
  return value === '' ? null : value.slice(0, 100);
}

function isDay(text: string): boolean {
  return /^(19(8[5-9]|9\d)|20\d\d)-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, title: string, code: string, detail: string): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title, status, code, detail }));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { url } = await startSkycast(readConfig());
    console.log(`Skycast answers at ${url}/v1/forecast?city=Lisbon`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
