import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import type { StripeEventState } from './lib/wire.ts';
import { CrashPage } from './routes/CrashPage.tsx';
import { NotFoundPage } from './routes/NotFoundPage.tsx';
import { RootPage } from './routes/RootPage.tsx';

type Search = Record<string, unknown>;

/** Search parameters are what somebody typed: a value of another type is as good as none. */
function text<N extends string>(search: Search, name: N): { [K in N]?: string } {
  const value = search[name];
  return typeof value === 'string' || typeof value === 'number'
    ? ({ [name]: String(value) } as { [K in N]?: string })
    : {};
}

const eventStates: readonly string[] = ['received', 'done', 'ignored', 'parked'] satisfies StripeEventState[];

function eventState(search: Search): { state?: StripeEventState } {
  const { state } = text(search, 'state');
  return state !== undefined && eventStates.includes(state) ? { state: state as StripeEventState } : {};
}

const root = createRootRoute({ component: RootPage, notFoundComponent: NotFoundPage });

const admin = createRoute({
  getParentRoute: () => root,
  path: '/admin',
  component: lazyRouteComponent(() => import('./routes/admin/AdminLayout.tsx'), 'AdminLayout'),
});

const routes = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: '/sign-up',
    validateSearch: (search: Search) => text(search, 'plan'),
    component: lazyRouteComponent(() => import('./routes/accounts/SignUpPage.tsx'), 'SignUpPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/sign-in',
    validateSearch: (search: Search) => text(search, 'next'),
    component: lazyRouteComponent(() => import('./routes/accounts/SignInPage.tsx'), 'SignInPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/forgot-password',
    component: lazyRouteComponent(() => import('./routes/accounts/ForgotPasswordPage.tsx'), 'ForgotPasswordPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/reset-password',
    component: lazyRouteComponent(() => import('./routes/accounts/ResetPasswordPage.tsx'), 'ResetPasswordPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/portal',
    component: lazyRouteComponent(() => import('./routes/accounts/PortalPage.tsx'), 'PortalPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/verify',
    validateSearch: (search: Search) => text(search, 'error'),
    component: lazyRouteComponent(() => import('./routes/accounts/VerifyPage.tsx'), 'VerifyPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/checkout/return',
    validateSearch: (search: Search) => text(search, 'checkout_session'),
    component: lazyRouteComponent(() => import('./routes/checkout/ReturnPage.tsx'), 'ReturnPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/dashboard',
    validateSearch: (search: Search) => ({ ...text(search, 'plan'), ...text(search, 'top_up') }),
    component: lazyRouteComponent(() => import('./routes/dashboard/DashboardPage.tsx'), 'DashboardPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/dashboard/usage',
    component: lazyRouteComponent(() => import('./routes/dashboard/UsagePage.tsx'), 'UsagePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/dashboard/webhooks',
    component: lazyRouteComponent(() => import('./routes/dashboard/WebhooksPage.tsx'), 'WebhooksPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/admin/welcome',
    component: lazyRouteComponent(() => import('./routes/admin/WelcomePage.tsx'), 'WelcomePage'),
  }),
  admin.addChildren([
    createRoute({
      getParentRoute: () => admin,
      path: '/',
      component: lazyRouteComponent(() => import('./routes/admin/OverviewPage.tsx'), 'OverviewPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/customers',
      component: lazyRouteComponent(() => import('./routes/admin/CustomersPage.tsx'), 'CustomersPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/customers/$id',
      component: lazyRouteComponent(() => import('./routes/admin/CustomerPage.tsx'), 'CustomerPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/plans',
      component: lazyRouteComponent(() => import('./routes/admin/PlansPage.tsx'), 'PlansPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/subscriptions',
      component: lazyRouteComponent(() => import('./routes/admin/SubscriptionsPage.tsx'), 'SubscriptionsPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/answers',
      component: lazyRouteComponent(() => import('./routes/admin/AnswersPage.tsx'), 'AnswersPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/closing',
      component: lazyRouteComponent(() => import('./routes/admin/ClosingPage.tsx'), 'ClosingPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/reconciliation',
      component: lazyRouteComponent(() => import('./routes/admin/ReconciliationPage.tsx'), 'ReconciliationPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/import',
      component: lazyRouteComponent(() => import('./routes/admin/ImportPage.tsx'), 'ImportPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/events',
      validateSearch: eventState,
      component: lazyRouteComponent(() => import('./routes/admin/EventsPage.tsx'), 'EventsPage'),
    }),
    createRoute({
      getParentRoute: () => admin,
      path: '/webhooks',
      component: lazyRouteComponent(() => import('./routes/admin/WebhooksPage.tsx'), 'WebhooksPage'),
    }),
  ]),
]);

export const router = createRouter({
  routeTree: routes,
  defaultPreload: 'intent',
  defaultErrorComponent: CrashPage,
  defaultHashScrollIntoView: { behavior: 'smooth', block: 'start' },
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
