import { useEffect, useState } from 'react';

/**
 * The token a link carries in its fragment (`#token=…` or `#…`), which browsers send to no server and no log; empty when
 * there is none. It is taken out of the address at once. A link opened in the same tab only changes the fragment.
 */
export function useFragmentToken(): string {
  const [token, setToken] = useState(takeToken);
  useEffect(() => {
    const take = () => setToken((known) => takeToken() || known);
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  return token;
}

function takeToken(): string {
  const token = tokenIn(location.hash);
  if (token !== '') history.replaceState(history.state, '', location.pathname);
  return token;
}

/** `#token=a` and `#a` → `a` */
export function tokenIn(hash: string): string {
  const fragment = hash.replace(/^#/, '');
  return fragment.includes('=') ? (new URLSearchParams(fragment).get('token') ?? '') : fragment;
}
