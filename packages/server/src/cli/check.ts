import { readConfig, readEnvironment } from '../config.ts';
import { loadPriceList } from '../plans/load.ts';

/** `farebox check`: exit code 0 when the price list and the environment are right; every fault otherwise. */
export async function check(): Promise<number> {
  // A secret of its own, so that looking makes none in the data folder.
  const { config } = readConfig('dev', {
    FAREBOX_SECRET: 'only to look at the rest, never used',
    ...readEnvironment(),
  });
  const list = await loadPriceList(config.price_list);
  console.log(
    `${list.seller.name}: ${list.plans.length} plans (${list.plans.map((plan) => plan.id).join(', ')}). No faults.`,
  );
  return 0;
}
