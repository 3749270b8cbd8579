/** TypeScript runs as it stands from this version on. `npm ci` brings a newer Node than this along. */
const least = [22, 18] as const;

/** Says what is wrong before anything that an old Node cannot even parse is loaded. */
export function refuseOldNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return;
  process.stderr.write(
    `Farebox runs on Node ${least.join('.')} or newer; this is ${version}.\n` +
      'Start it with `npm start` after `npm ci`, which brings the right Node for Linux (x64, arm64), macOS and Windows.\n',
  );
  process.exit(1);
}
