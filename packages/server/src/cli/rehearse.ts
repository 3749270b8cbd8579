import { systemClock } from '../lib/clock.ts';
import { Refusal } from '../lib/refusal.ts';
import { loadPriceList } from '../plans/load.ts';
import { rehearsalMarkdown, rehearsalText } from '../usage/rehearsal/report.ts';
import { createRehearsal } from '../usage/rehearsal/service.ts';
import { configuration, options } from './arguments.ts';
import { withDatabase } from './reach.ts';

const known = {
  markdown: { type: 'boolean' },
  json: { type: 'boolean' },
  limit: { type: 'string' },
} as const;

/** Exit code of `farebox rehearse` when somebody would pay something else; 1 is a failure. */
const wouldChange = 2;
const progressMs = 1000;

/**
 * `farebox rehearse [--markdown | --json] [--limit 20]`: the last period of every customer by the price list as it is now, beside
 * what was billed: what it makes of revenue, who would pay more and who less. Changes nothing.
 */
export async function rehearse(args: string[]): Promise<number> {
  const { markdown = false, json = false, limit = '20' } = options(args, known);
  if (!/^\d{1,6}$/.test(limit)) throw new Refusal('--limit says how many customers are shown: --limit 20.');
  const { config } = configuration();
  const list = await loadPriceList(config.price_list);
  const rehearsal = await withDatabase(
    config,
    async (db) => await createRehearsal(db.kysely)(list, progressTo(process.stderr)),
  );
  const shown = Number(limit);
  const asJson = () => JSON.stringify({ ...rehearsal, changed: rehearsal.changed.slice(0, shown) }, null, 2);
  const asText = markdown ? rehearsalMarkdown : rehearsalText;
  console.log(json ? asJson() : asText(rehearsal, shown));
  return rehearsal.changes ? wouldChange : 0;
}

/** Says how far it is about once a second, beside the answer; a run that is over before says nothing. */
function progressTo(stream: { write(text: string): unknown }): (done: number, of: number) => void {
  let saidAt = systemClock.now();
  return (done, of) => {
    if (systemClock.now() - saidAt < progressMs) return;
    saidAt = systemClock.now();
    stream.write(`${done.toLocaleString('en-US')} of ${of.toLocaleString('en-US')} customers\n`);
  };
}
