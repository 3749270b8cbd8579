import { Menu, UnstyledButton } from '@mantine/core';
import { IconLogout } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useSignOut } from '../../lib/session.ts';
import type { Me } from '../../lib/wire.ts';
import { initials } from './initials.ts';
import classes from './UserMenu.module.css';

interface UserMenuProps {
  user: Me['user'];
  portal?: Me['portal'];
  children?: ReactNode;
}

export function UserMenu({ user, portal = null, children }: UserMenuProps) {
  const back = portal?.return_url ?? null;
  const signOut = useSignOut(back ?? '/');
  return (
    <Menu width={230}>
      <Menu.Target>
        <UnstyledButton className={classes.avatar} aria-label={`Account: ${user.name}`}>
          {initials(user.name)}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes.who}>
          <strong>{user.name}</strong>
          <span>{user.email}</span>
        </div>
        <Menu.Divider />
        {children}
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
          {back === null ? 'Sign out' : `Back to ${new URL(back).host}`}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
