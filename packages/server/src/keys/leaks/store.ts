import type { Tx } from '../../db/database.ts';

/** False when this report was acted on before. */
export async function insertReport(tx: Tx, digest: Buffer, received_at: Date): Promise<boolean> {
  const result = await tx
    .insertInto('leak_report')
    .values({ digest, received_at })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}
