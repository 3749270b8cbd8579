export { createSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
export type { Listening, ListenOptions } from './http/server.ts';
export type { WebhookPolicy } from './store/machinery.ts';
export type { Advanced } from './time/runner.ts';
