import { Outlet, useLocation } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useSeller } from '../lib/session.ts';
import { pageTitle } from './page-title.ts';

export function RootPage() {
  const seller = useSeller();
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = seller ? `${pageTitle(pathname)} · ${seller.name}` : pageTitle(pathname);
  }, [seller, pathname]);
  return <Outlet />;
}
