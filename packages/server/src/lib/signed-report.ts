import { type KeyObject, createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';

/** A key that signs reports, as GitHub publishes them at /meta/public_keys/secret_scanning. */
export interface ReportKey {
  id: string;
  key: KeyObject;
}

const fileSchema = z.object({
  public_keys: z
    .array(z.object({ key_identifier: z.string().min(1).max(200), key: z.string() }))
    .min(1)
    .max(20),
});

/** Reads the document of public keys. Throws where it is none, or a key is not for ECDSA. */
export function readReportKeys(text: string): ReportKey[] {
  const { public_keys } = fileSchema.parse(JSON.parse(text));
  return public_keys.map(({ key_identifier, key }) => {
    const parsed = createPublicKey(key);
    if (parsed.asymmetricKeyType !== 'ec') throw new Error(`The key ${key_identifier} is not for ECDSA.`);
    return { id: key_identifier, key: parsed };
  });
}

/**
 * Whether the bytes were signed (ECDSA over SHA-256, DER in base64) with the key that is named. A key that is not among ours
 * signs nothing. https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program
 */
export function isSigned(
  keys: readonly ReportKey[],
  report: { bytes: Buffer; key_id: string | undefined; signature: string | undefined },
): boolean {
  const { bytes, key_id, signature } = report;
  const named = keys.find(({ id }) => id === key_id);
  if (named === undefined || signature === undefined || !/^[A-Za-z0-9+/]{60,200}={0,2}$/.test(signature)) return false;
  return verify('sha256', bytes, { key: named.key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'));
}
