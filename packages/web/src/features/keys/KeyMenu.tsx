import { ActionIcon, Menu } from '@mantine/core';
import {
  IconDots,
  IconEye,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react';
import type { ApiKey } from '../../lib/wire.ts';
import { keyActions, type KeyAction } from './key-words.ts';

const icons = {
  reveal: IconEye,
  edit: IconPencil,
  rotate: IconRefresh,
  disable: IconPlayerPause,
  enable: IconPlayerPlay,
  revoke: IconTrash,
};

const words: Record<KeyAction, string> = {
  reveal: 'Reveal new secret',
  edit: 'Edit',
  rotate: 'Rotate',
  disable: 'Disable',
  enable: 'Enable',
  revoke: 'Revoke',
};

/** What can be done with a key, by whoever looks at it. */
export function KeyMenu({
  apiKey,
  isOwner,
  onChoose,
}: {
  apiKey: ApiKey;
  isOwner: boolean;
  onChoose: (action: KeyAction) => void;
}) {
  const actions = keyActions(apiKey, isOwner);
  if (actions.length === 0) return null;
  return (
    <Menu width={200} position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={`Actions of ${apiKey.name}`}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map((action) => {
          const Icon = icons[action];
          return (
            <Menu.Item
              key={action}
              leftSection={<Icon size={16} />}
              {...(action === 'revoke' ? { color: 'red' } : {})}
              onClick={() => onChoose(action)}
            >
              {words[action]}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
