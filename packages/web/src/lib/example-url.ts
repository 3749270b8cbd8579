import type { PublicSeller } from './wire.ts';

/** A first call of the seller's API: the path the seller named, or the root. */
export function exampleUrl(seller: Pick<PublicSeller, 'api_url' | 'example_path'>): string {
  return `${seller.api_url.replace(/\/+$/, '')}${seller.example_path}`;
}
