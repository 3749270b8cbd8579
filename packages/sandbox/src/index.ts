export { createSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
export type { ChaosWish } from './controls.ts';
export type { Fault, FaultWish } from './faults/faults.ts';
export type { Listening, ListenOptions } from './http/server.ts';
export type { Chaos, DunningPolicy, FaultType, WebhookPolicy } from './store/machinery.ts';
export type { Snapshot } from './store/snapshot.ts';
export type { Advanced } from './time/runner.ts';
