import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get, withQuery } from '../../lib/http.ts';
import { useNow } from '../../lib/session.ts';
import type { Answers } from '../../lib/wire-usage.ts';
import { type Span, spanMs } from './answer-words.ts';

const path = '/v1/answers';
/** Counts are written every few seconds. */
const poll_ms = 15_000;

/** What the API answered through the reverse proxy, from so long ago until now. */
export function useAnswers(span: Span) {
  const now = useNow();
  return useQuery({
    queryKey: [path, span],
    queryFn: ({ signal }) =>
      get<Answers>(withQuery(path, { from: new Date(now - spanMs[span]).toISOString() }), signal),
    placeholderData: keepPreviousData,
    refetchInterval: poll_ms,
  });
}
