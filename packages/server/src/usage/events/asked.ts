import { Problem } from '../../problem.ts';

export const mostEvents = 1000;

/** Events as they may be sent: one or a list, in Farebox's own form or that of CloudEvents, or one a line. */
export const eventTypes = [
  'application/json',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
] as const;

/** What a request holds, event by event, not judged yet. Throws a `Problem` when it cannot be taken apart. */
export function readEvents(content_type: string | undefined, text: string): unknown[] {
  const [type = '', ...parameters] = (content_type ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const isUtf8 = parameters.every(
    (parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter),
  );
  if (!eventTypes.some((known) => known === type) || !isUtf8)
    throw new Problem('unsupported_media_type', `Send ${eventTypes.join(', ')}, in UTF-8.`, { param: 'content-type' });
  const events = type === 'application/x-ndjson' ? linesOf(text) : valuesOf(text);
  if (events.length === 0) throw new Problem('invalid_request', 'There is no event in it.');
  if (events.length > mostEvents)
    throw new Problem('invalid_request', `There are ${events.length} events; at most ${mostEvents} are taken at once.`);
  return events;
}

function valuesOf(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
}

/** A line that is no JSON is an event that is rejected: the others are no worse for it. */
function linesOf(text: string): unknown[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  // Counted before they are read.
  if (lines.length > mostEvents) return lines;
  return lines.map((line): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      return undefined;
    }
  });
}
