// The servers that are compared, and how each is told to run a Workers module.
import { mkdtempSync, readFileSync, writeFileSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = join(dirname(fileURLToPath(import.meta.url)), '..');
const x64 = process.arch === 'x64';
// The native programs themselves: the packages' own entry points are scripts around them.
const programs = {
  bun: join(bench, 'node_modules', '@oven', x64 ? 'bun-linux-x64' : 'bun-linux-aarch64', 'bin', 'bun'),
  workerd: join(bench, 'node_modules', '@cloudflare', x64 ? 'workerd-linux-64' : 'workerd-linux-arm64', 'bin', 'workerd'),
  wrangler: join(bench, 'node_modules', '.bin', 'wrangler'),
};
const work = mkdtempSync(join(tmpdir(), 'selvage-bench-'));

// One file for each worker, bundled once, so that no peer pays for bundling while it serves.
export function bundle(name) {
  const out = join(work, `${name}.mjs`);
  if (!existsSync(out)) {
    const esbuild = join(bench, '..', 'node_modules', '@esbuild', `linux-${process.arch}`, 'bin', 'esbuild');
    const run = spawnSync(esbuild, [join(bench, 'workers', `${name}.js`), '--bundle', '--format=esm', `--outfile=${out}`, '--log-level=error'], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
  }
  return out;
}

function project(name, peer) {
  const dir = join(work, `${peer}-${name}`);
  mkdirSync(dir, { recursive: true });
  copyFileSync(bundle(name), join(dir, 'worker.js'));
  const bindings = join(bench, 'workers', `${name}.toml`);
  const config = `name = "${name}"\nmain = "worker.js"\ncompatibility_date = "2025-10-01"\nno_bundle = true\n`;
  writeFileSync(join(dir, 'wrangler.toml'), config + (existsSync(bindings) ? readFileSync(bindings, 'utf8') : ''));
  return dir;
}

// A Worker that is bundled by who serves it: models, whose library the peers differ in.
function models(peer) {
  const dir = join(work, peer);
  mkdirSync(dir, { recursive: true });
  const vars = '[vars]\nAWS_ACCESS_KEY_ID = "bench"\nAWS_SECRET_ACCESS_KEY = "bench"\n';
  writeFileSync(join(dir, 'wrangler.toml'), `name = "bao"\nmain = "${join(bench, 'workers', 'bao.js')}"\ncompatibility_date = "2025-10-01"\ncompatibility_flags = ["nodejs_compat"]\n${vars}`);
  return dir;
}
const serve = (port, opt, ...more) => [opt.selvage, 'dev', '--port', String(port), '--log-level', 'error', '--show-interactive-dev-session=false', ...more];

export const peers = {
  epoll: {
    only: ['hello'],
    note: 'bare C epoll loop, no parsing of headers, no JavaScript: the floor',
    start(name, port) {
      const out = join(work, 'epoll');
      if (!existsSync(out)) {
        const run = spawnSync('cc', ['-O2', '-o', out, join(bench, 'floor', 'epoll.c')], { encoding: 'utf8' });
        if (run.status !== 0) throw new Error(run.stderr);
      }
      return { command: [out, String(port)] };
    },
  },
  // selvage:bao; the package dynamo-bao on the store of selvage; the package with dynalite as its DynamoDB.
  bao: { only: ['bao'], start: (name, port, opt) => ({ command: serve(port, opt, '--alias', 'dynamo-bao:selvage:bao'), cwd: models('bao') }) },
  package: { only: ['bao'], start: (name, port, opt) => ({ command: serve(port, opt), cwd: models('package') }) },
  dynalite: { only: ['bao'], start: (name, port, opt) => ({ command: [process.execPath, join(bench, 'adapters', 'dynalite.mjs'), String(port), ...serve(port, opt)], cwd: models('dynalite') }) },
  selvage: {
    without: ['bao'],
    start(name, port, opt) {
      return {
        command: [opt.selvage, 'dev', '--port', String(port), '--log-level', 'error', '--show-interactive-dev-session=false'],
        cwd: project(name, 'selvage'),
      };
    },
  },
  bun: {
    without: ['ws', 'bao'],
    start: (name, port) => ({
      command: name === 'stores'
        ? [programs.bun, join(bench, 'adapters', 'bun-stores.mjs'), join(work, `bun-${port}.sqlite`), String(port)]
        : [programs.bun, join(bench, 'adapters', 'bun.mjs'), bundle(name), String(port)],
    }),
  },
  node: { start: (name, port) => ({ command: [process.execPath, join(bench, 'adapters', 'node.mjs'), bundle(name), String(port)], cwd: bench }), without: ['ws', 'stores', 'bao'] },
  workerd: {
    without: ['stores', 'bao'],
    start(name, port) {
      const dir = project(name, 'workerd');
      writeFileSync(join(dir, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2025-10-01"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
`);
      return { command: [programs.workerd, 'serve', join(dir, 'config.capnp')] };
    },
  },
  wrangler: {
    note: 'wrangler dev: workerd behind a proxy',
    without: ['bao'],
    start: (name, port) => ({
      command: [programs.wrangler, 'dev', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0', '--show-interactive-dev-session=false', '--log-level', 'error'],
      cwd: project(name, 'wrangler'),
      env: { WRANGLER_SEND_METRICS: 'false', CI: 'true' },
    }),
  },
};
