import { Menu, UnstyledButton } from '@mantine/core';
import { IconLogout } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useSignOut } from '../../lib/session.ts';
import type { Me } from '../../lib/wire.ts';
import { initials } from './initials.ts';
import classes from './UserMenu.module.css';

export function UserMenu({ user, children }: { user: Me['user']; children?: ReactNode }) {
  const signOut = useSignOut();
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
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
