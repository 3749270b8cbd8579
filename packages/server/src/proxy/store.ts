import type { Instant } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';

/** Answers of one hour that are alike. */
export interface AnswerCount {
  hour_at: Instant;
  customer_id: string;
  endpoint: string;
  status: number;
  /** Upper bound of their latency; 0: longer than every bound. */
  latency_to_ms: number;
  answers: number;
  /** Of all of them together. */
  latency_ms: number;
}

/** What was counted before is added to. A customer that does not exist any more has no statistics. Rows go in sorted, so that two writers never wait for each other. */
export async function addAnswers(db: Reader, counts: readonly AnswerCount[]): Promise<void> {
  await sql`
    insert into answer_hour (hour_at, customer_id, endpoint, status, latency_to_ms, answers, latency_ms)
    select given.* from unnest(
      ${counts.map(({ hour_at }) => new Date(hour_at))}::timestamptz[],
      ${counts.map(({ customer_id }) => customer_id)}::text[],
      ${counts.map(({ endpoint }) => endpoint)}::text[],
      ${counts.map(({ status }) => status)}::smallint[],
      ${counts.map(({ latency_to_ms }) => latency_to_ms)}::integer[],
      ${counts.map(({ answers }) => answers)}::bigint[],
      ${counts.map(({ latency_ms }) => Math.round(latency_ms))}::bigint[]
    ) as given (hour_at, customer_id, endpoint, status, latency_to_ms, answers, latency_ms)
    join customer on customer.id = given.customer_id
    order by given.hour_at, given.customer_id, given.endpoint, given.status, given.latency_to_ms
    on conflict (hour_at, customer_id, endpoint, status, latency_to_ms) do update
      set answers = answer_hour.answers + excluded.answers, latency_ms = answer_hour.latency_ms + excluded.latency_ms
  `.execute(db);
}

/** By endpoint and status, each with its distribution; the most frequent endpoints first, at most `most` of them. */
export async function answersBetween(
  db: Reader,
  asked: { from: Instant; to: Instant; customer_id: string | null; most: number },
): Promise<Omit<AnswerCount, 'hour_at' | 'customer_id'>[]> {
  const { rows } = await sql<Omit<AnswerCount, 'hour_at' | 'customer_id'>>`
    with found as (
      select endpoint, status, latency_to_ms, sum(answers)::bigint as answers, sum(latency_ms)::bigint as latency_ms
      from answer_hour
      where hour_at >= ${new Date(asked.from)} and hour_at < ${new Date(asked.to)}
        and (${asked.customer_id}::text is null or customer_id = ${asked.customer_id})
      group by 1, 2, 3
    ),
    busiest as (select endpoint, sum(answers) as total from found group by 1 order by 2 desc, 1 limit ${asked.most})
    select found.* from found join busiest using (endpoint)
    order by busiest.total desc, endpoint, status, latency_to_ms = 0, latency_to_ms
  `.execute(db);
  return rows;
}

export async function deleteAnswersBefore(db: Reader, at: Instant): Promise<void> {
  await sql`delete from answer_hour where hour_at < ${new Date(at)}`.execute(db);
}
