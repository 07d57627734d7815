// Real releases of wrangler, run against a server.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

// A Node.js that is new enough for the newest wrangler; null: there is none.
function newNode() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const modules = join(root, '.deps/newest/node_modules');
  const name = existsSync(modules) && readdirSync(modules).find((n) => n.startsWith('node-linux-'));
  return name ? join(modules, name, 'bin/node') : null;
}

// [{ name, node, program }]; those that are not installed say why in `missing`.
export const releases = [
  { name: 'pinned', node: process.execPath },
  { name: 'newest', node: newNode() },
].map((r) => {
  const program = join(root, `test/wrangler/${r.name}/node_modules/wrangler/bin/wrangler.js`);
  const missing = !existsSync(program) ? "this wrangler is not installed; 'make test' installs it"
    : !r.node ? 'it needs Node.js 22, and there is none' : false;
  return { ...r, program, missing };
});

const folders = [];
process.on('exit', () => folders.forEach((f) => rmSync(f, { recursive: true, force: true, maxRetries: 3 })));

export function folder(files = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-wrangler-'));
  folders.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

// What a user of `server` has in the environment; nothing that this machine's user has.
function environment(server) {
  const home = folder();
  return {
    PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: join(home, 'config'), TMPDIR: home, CI: 'true', NO_COLOR: '1', FORCE_COLOR: '0',
    WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', WRANGLER_LOG_PATH: join(home, 'logs'), WRANGLER_CACHE_DIR: join(home, 'cache'),
    CLOUDFLARE_API_BASE_URL: server.api, CLOUDFLARE_API_TOKEN: server.token, CLOUDFLARE_ACCOUNT_ID: server.account,
  };
}

// Runs a command of a release in a folder. { code, out, err }, both texts without colours.
export function wrangler(release, server, cwd, args, { input = '', env = {} } = {}) {
  server.environment ??= environment(server);
  return new Promise((done) => {
    const child = spawn(release.node, ['--no-warnings', release.program, ...args], { cwd, env: { ...server.environment, ...env } });
    let out = '', err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('close', (code) => done({ code, out, err, text: out + err }));
  });
}

// One that goes on until it is told to stop (tail).
export function start(release, server, cwd, args) {
  server.environment ??= environment(server);
  const child = spawn(release.node, ['--no-warnings', release.program, ...args], { cwd, env: server.environment });
  const run = { child, out: '', exited: new Promise((done) => child.on('close', (code) => done(code))) };
  child.stdout.on('data', (d) => (run.out += d));
  child.stderr.on('data', (d) => (run.out += d));
  return run;
}
