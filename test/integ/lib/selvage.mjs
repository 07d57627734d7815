// Starts the program under test and talks to it. SELVAGE names the executable (meson sets it); default build/src/selvage.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const selvage = resolve(process.env.SELVAGE ?? join(root, 'build', 'src', 'selvage'));
export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

const living = new Set();
const folders = [];
const killAll = () => {
  for (const p of living) try { process.kill(-p.pid, 'SIGKILL'); } catch {}
};
if (process.env.NODE_TEST_CONTEXT) after(killAll); // a server that a failed test left behind would keep this process from ending
process.on('exit', () => {
  killAll();
  for (const f of folders) rmSync(f, { recursive: true, force: true });
});

// A project in a temporary folder: { 'wrangler.toml': '...', 'src/index.js': '...' }. node_modules is the repository's.
export function project(files) {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-project-'));
  folders.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}
// The same with one module as the whole Worker.
export const worker = (source, config = '') =>
  project({ 'wrangler.toml': `name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n${config}`, 'index.js': source });
// A copy of an example, so that a test may edit it.
export function example(name) {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-example-'));
  folders.push(dir);
  cpSync(join(root, 'examples', name), dir, { recursive: true, filter: (f) => !f.includes('node_modules') && !f.includes('.selvage') });
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}

export const freePort = () => new Promise((done) => {
  const s = createServer();
  s.listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => done(port));
  });
});

// Looks again and again until `look` gives something true, and gives that.
export async function until(look, what, patience = 20000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(10);
  }
}

// Runs to its end, which is made when it does not come: { code, signal, stdout, stderr }.
export function run(args, { cwd, env, patience = 60000 } = {}) {
  return new Promise((done) => {
    const child = spawn(selvage, args, { cwd, env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: patience });
    const r = { stdout: '', stderr: '' };
    child.stdout.on('data', (d) => (r.stdout += d));
    child.stderr.on('data', (d) => (r.stderr += d));
    child.on('close', (code, signal) => done({ ...r, code, signal }));
  });
}

// `selvage dev` in a project folder, waited for until it answers. SELVAGE_LOOPS sets the number of loop threads for a whole test run.
export async function dev(cwd, args = [], { env = {}, wait = true } = {}) {
  const port = await freePort();
  const loops = process.env.SELVAGE_LOOPS ? ['--loops', process.env.SELVAGE_LOOPS] : [];
  const child = spawn(selvage, ['dev', '--port', String(port), '--show-interactive-dev-session=false', ...loops, ...args], {
    cwd, env: { ...process.env, NO_COLOR: '1', ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  const server = {
    port, child, cwd, url: `http://127.0.0.1:${port}`, output: '',
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    // Waits until the output from `from` on matches; gives the match.
    async saw(pattern, { from = 0, patience = 20000 } = {}) {
      const end = Date.now() + patience;
      for (;;) {
        const m = pattern.exec(server.output.slice(from));
        if (m) return m;
        if (Date.now() > end) throw new Error(`${pattern} did not appear in:\n${server.output.slice(from)}`);
        await sleep(10);
      }
    },
    exited: new Promise((done) => child.on('exit', (code, signal) => { living.delete(child); done({ code, signal }); })),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const slow = setTimeout(() => { try { process.kill(-child.pid, 'SIGKILL'); } catch {} }, 10000);
      const end = await server.exited;
      clearTimeout(slow);
      return end;
    },
  };
  child.stdout.on('data', (d) => (server.output += d));
  child.stderr.on('data', (d) => (server.output += d));
  if (!wait) return server;
  const end = Date.now() + 30000;
  for (;;) {
    try {
      await (await server.fetch('/__selvage_test_ready')).arrayBuffer();
      return server;
    } catch {}
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
      await server.stop('SIGKILL');
      throw new Error(`selvage dev did not answer:\n${server.output}`);
    }
    await sleep(20);
  }
}
