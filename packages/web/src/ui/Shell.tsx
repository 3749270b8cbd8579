import { Menu, UnstyledButton } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { Link, useLocation } from '@tanstack/react-router';
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
      <BottomNav items={nav} />
    </div>
  );
}

/** As many as a thumb can tell apart on a phone. */
const mostInBar = 6;

/** The bar at the bottom of a narrow screen: what has no room there stands behind its last button. */
function BottomNav({ items }: { items: readonly NavItem[] }) {
  const { pathname } = useLocation();
  if (items.length <= mostInBar) return <Nav items={items} className={classes.bottomNav} label="Main" />;
  const behind = items.slice(mostInBar - 1);
  return (
    <Nav items={items.slice(0, mostInBar - 1)} className={classes.bottomNav} label="Main">
      <Menu position="top-end" width={200}>
        <Menu.Target>
          <UnstyledButton data-active={behind.some(({ to }) => to === pathname)}>
            <IconDots size={18} stroke={1.7} />
            More
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          {behind.map(({ label, icon: Icon, to, hash }) => (
            <Menu.Item
              key={label}
              component={Link}
              to={to}
              hash={hash ?? ''}
              leftSection={<Icon size={16} stroke={1.7} />}
              py={10}
            >
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </Nav>
  );
}

interface NavProps {
  items: readonly NavItem[];
  className: string | undefined;
  label: string;
  children?: ReactNode;
}

function Nav({ items, className, label, children }: NavProps) {
  return (
    <nav className={className} aria-label={label}>
      {items.map(({ label: text, icon: Icon, to, hash }) => (
        <Link key={text} to={to} hash={hash ?? ''} activeOptions={{ exact: true, includeHash: true }}>
          <Icon size={18} stroke={1.7} />
          {text}
        </Link>
      ))}
      {children}
    </nav>
  );
}
