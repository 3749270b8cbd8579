/** Names one decision, and the usage it makes. */
export function requestId(): string {
  return `req_${crypto.randomUUID().replaceAll('-', '')}`;
}
