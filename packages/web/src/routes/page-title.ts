const titles: Record<string, string> = {
  '/sign-up': 'Create your account',
  '/sign-in': 'Sign in',
  '/forgot-password': 'Forgot your password?',
  '/reset-password': 'Set a new password',
  '/verify': 'Confirm your email',
  '/checkout/return': 'Your payment',
  '/dashboard': 'Dashboard',
  '/admin': 'Overview for operators',
  '/admin/welcome': 'Welcome',
  '/admin/customers': 'Customers',
  '/admin/plans': 'Plans',
  '/admin/subscriptions': 'Subscriptions',
  '/admin/events': 'Stripe events',
};

export function pageTitle(pathname: string): string {
  const path = pathname.replace(/\/$/, '');
  return titles[path] ?? (/^\/admin\/customers\/[^/]+$/.test(path) ? 'Customer' : 'Not found');
}
