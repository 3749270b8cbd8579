import './ui/font.css';
import './ui/tokens.css';
import './ui/mantine.css';
import './ui/base.css';
import { MantineProvider } from '@mantine/core';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { HttpFault } from './lib/http.ts';
import { meQuery } from './lib/session.ts';
import { router } from './router.tsx';
import { colorSchemes, cssVariables, theme } from './ui/theme.ts';

/**
 * The server writes a fresh nonce into the page; styles that components add at run time carry it. Mantine asks for it,
 * its scroll lock reads the global name.
 */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
Object.assign(globalThis, { __webpack_nonce__: nonce });

/** A session that ended elsewhere shows itself as a 401: asking who is signed in leads to the sign-in page. */
function onFault(error: unknown): void {
  if (error instanceof HttpFault && error.status === 401)
    void queries.invalidateQueries({ queryKey: meQuery.queryKey });
}

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: onFault }),
  mutationCache: new MutationCache({ onError: onFault }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (count, error) => count < 2 && !(error instanceof HttpFault && error.status > 0 && error.status < 500),
    },
  },
});

const page = document.getElementById('root');
if (!page) throw new Error('index.html has no #root.');
createRoot(page).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
