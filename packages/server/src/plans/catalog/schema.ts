import { z } from '../../http/router.ts';

/** A price list that is only asked about. */
export const wishedList = z.object({
  price_list: z.record(z.string(), z.unknown()).openapi({ description: 'As `definePlans` takes it.' }),
});
