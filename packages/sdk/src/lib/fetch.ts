import type { CheckResult, Told } from './check.ts';

type Admitted = CheckResult & { allowed: true };

/** A request as the Fetch standard has it. Its address is read as text: parsing it would hide what the caller wrote. */
export function toldOfFetch(request: Request, ip: string | null): Told {
  const path = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(request.url)?.[1] ?? request.url;
  return {
    header: (name) => request.headers.get(name),
    method: request.method,
    path: path === '' ? '/' : path,
    ip,
    hears_end: true,
  };
}

export function refusedResponse(result: CheckResult & { allowed: false }): Response {
  return new Response(result.body, { status: result.status, headers: result.headers });
}

/** The handler's answer with the limit headers on it; its end, whole or broken off, ends the request. */
export function admittedResponse(response: Response, result: Admitted): Response {
  const { over } = result;
  if (over === null && isWritten(response.headers, result.headers)) return response;
  const { body } = response;
  const decorated = new Response(over === null || body === null ? body : watched(body, over), response);
  for (const [name, value] of Object.entries(result.headers)) decorated.headers.set(name, value);
  if (body === null) over?.();
  return decorated;
}

/** Whether they took the headers. Those of an answer that was fetched, or that leads elsewhere, cannot be written to. */
function isWritten(headers: Headers, more: Readonly<Record<string, string>>): boolean {
  try {
    for (const name in more) headers.set(name, more[name] ?? '');
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function watched(body: ReadableStream<Uint8Array>, over: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        over();
        controller.close();
      } catch (error) {
        over();
        controller.error(error);
      }
    },
    async cancel(reason) {
      over();
      await reader.cancel(reason);
    },
  });
}
