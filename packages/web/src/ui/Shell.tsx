import { Link } from '@tanstack/react-router';
import type { ComponentType, ReactNode } from 'react';
import { Mark } from './Mark.tsx';
import classes from './Shell.module.css';

export interface NavItem {
  label: string;
  icon: ComponentType<{ size?: number; stroke?: number }>;
  to: string;
  hash?: string;
}

interface ShellProps {
  brand: string;
  /** Under the brand: whose account this is. */
  account?: ReactNode;
  nav: readonly NavItem[];
  /** Top right: colour scheme, user menu. */
  tools: ReactNode;
  /** Beside the brand on a narrow screen; on a wide one the page's head shows it. */
  mark?: ReactNode;
  children: ReactNode;
}

/** The frame of signed-in pages: a sidebar on a wide screen; a top bar and a bottom bar on a narrow one. */
export function Shell({ brand, account, nav, tools, mark, children }: ShellProps) {
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#content">
        Skip to content
      </a>
      <aside className={classes.side}>
        <a className={classes.brand} href="/">
          <Mark />
          <span>{brand}</span>
        </a>
        {account}
        <Nav items={nav} className={classes.sideNav} label="Main" />
      </aside>
      <div className={classes.main}>
        <section className={classes.bar} aria-label="Account and display">
          <a className={classes.barBrand} href="/">
            <Mark />
            <span>{brand}</span>
          </a>
          {mark ? <span className={classes.mark}>{mark}</span> : null}
          <div className={classes.tools}>{tools}</div>
        </section>
        <main id="content" className={classes.content} tabIndex={-1}>
          {children}
        </main>
      </div>
      <Nav items={nav} className={classes.bottomNav} label="Main" />
    </div>
  );
}

function Nav({ items, className, label }: { items: readonly NavItem[]; className: string | undefined; label: string }) {
  return (
    <nav className={className} aria-label={label}>
      {items.map(({ label: text, icon: Icon, to, hash }) => (
        <Link key={text} to={to} hash={hash ?? ''} activeOptions={{ exact: true, includeHash: true }}>
          <Icon size={18} stroke={1.7} />
          {text}
        </Link>
      ))}
    </nav>
  );
}
