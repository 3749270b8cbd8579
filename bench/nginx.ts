import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../packages/server/test/free-port.ts';
import { endsWithUs, pinTo } from './processes.ts';

/** nginx before the API on one core: on one port it lets everybody through, on the other it asks the gate first. */
export async function startNginx(options: {
  folder: string;
  upstream: number;
  gate: number;
}): Promise<{ child: ChildProcess; open_port: number; gated_port: number } | null> {
  if (spawnSync('nginx', ['-v']).status !== 0) return null;
  const folder = join(options.folder, 'nginx');
  mkdirSync(folder);
  const [open_port, gated_port] = [await freePort(), await freePort()];
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1; daemon off; pid ${folder}/pid; error_log /dev/null crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; ${paths.join(' ')}
  upstream api { server 127.0.0.1:${options.upstream}; keepalive 64; keepalive_requests 1000000000; }
  upstream gate { server 127.0.0.1:${options.gate}; keepalive 64; keepalive_requests 1000000000; }
  proxy_http_version 1.1; proxy_set_header Connection "";
  server { listen 127.0.0.1:${open_port}; location / { proxy_pass http://api; } }
  server {
    listen 127.0.0.1:${gated_port};
    location / { auth_request /gate; auth_request_set $limit $upstream_http_ratelimit; add_header RateLimit $limit; proxy_pass http://api; }
    location = /gate {
      internal; proxy_pass http://gate/v1/gate/forward-auth?endpoint=/v1/forecast; proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_set_header Host 127.0.0.1;
    }
  }
}
`,
  );
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  pinTo(child.pid ?? 0, 0);
  endsWithUs(child.pid ?? 0);
  for (let tries = 0; !(await listens(open_port)); tries += 1) {
    if (tries > 100 || child.exitCode !== null) throw new Error('nginx did not start');
    await wait(50);
  }
  return { child, open_port, gated_port };
}

async function listens(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
