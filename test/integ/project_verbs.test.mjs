// Verbs on a project's files: secrets of local runs, and the types of env.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, run, selvage } from './lib/selvage.mjs';

const withInput = (cwd, args, input) => new Promise((done) => {
  const child = spawn(selvage, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (out += d));
  child.on('close', (code) => done({ code, out }));
  child.stdin.end(input);
});

test('secrets are put, listed and deleted, and a session has them', async () => {
  const dir = project({
    'wrangler.toml': 'name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n',
    'index.js': 'export default { fetch(r, { ONE, TWO, THREE, KEPT }) { return Response.json({ ONE, TWO, THREE, KEPT }); } };',
    '.dev.vars': '# not touched\nKEPT="here"\nexport TWO="old\nlines"\n',
  });
  const values = { ONE: 'it\'s "one"', TWO: 'a\nb', THREE: '$x \\n = #' };
  for (const [name, value] of Object.entries(values)) assert.equal((await withInput(dir, ['secret', 'put', name], value)).code, 0);
  const list = JSON.parse((await run(['secret', 'list'], { cwd: dir })).stdout);
  assert.deepEqual(list.map((s) => s.name).sort(), ['KEPT', 'ONE', 'THREE', 'TWO']);
  assert.match(readFileSync(join(dir, '.dev.vars'), 'utf8'), /^# not touched\nKEPT="here"\n/);
  const server = await dev(dir);
  assert.deepEqual(await (await server.fetch('/')).json(), { ...values, KEPT: 'here' });
  await server.stop();
  assert.equal((await withInput(dir, ['secret', 'bulk'], '{"ONE":null,"FOUR":"4"}')).code, 0);
  assert.equal((await run(['secret', 'delete', 'TWO'], { cwd: dir })).code, 0);
  assert.notEqual((await run(['secret', 'delete', 'TWO'], { cwd: dir })).code, 0);
  const names = JSON.parse((await run(['secret', 'list'], { cwd: dir })).stdout).map((s) => s.name);
  assert.deepEqual(names.sort(), ['FOUR', 'KEPT', 'THREE']);
  assert.equal((await withInput(dir, ['secret', 'put', 'no name'], 'x')).code, 2);
  assert.ok(!existsSync(join(dir, '.dev.vars.new')));
});

test('types of env, for every environment and for one', async () => {
  const dir = project({
    'wrangler.toml': `name = "typed"
main = "src/index.ts"
compatibility_date = "2026-01-01"
compatibility_flags = ["nodejs_compat"]
[vars]
TEXT = "hello"
OBJ = { a = 1, b = ["x", true] }
[[services]]
binding = "SELF"
service = "typed"
entrypoint = "Named"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
[[queues.producers]]
binding = "Q"
queue = "q"
[[kv_namespaces]]
binding = "KV"
id = "x"
[env.staging.vars]
TEXT = "staging"
`,
    'src/index.ts': 'export class Counter {}\nexport class Named {}\nexport default {};\n',
    '.dev.vars': 'SECRET=x\n',
  });
  assert.equal((await run(['types'], { cwd: dir })).code, 0);
  let text = readFileSync(join(dir, 'worker-configuration.d.ts'), 'utf8');
  assert.ok(text.includes(`	interface Env {
		KV?: KVNamespace;
		Q?: Queue;
		TEXT: "hello" | "staging";
		OBJ?: {"a":1,"b":["x",true]};
		SECRET: string;
		COUNTER?: DurableObjectNamespace<import("./src/index").Counter>;
		SELF?: Service<typeof import("./src/index").Named>;
	}
}
interface Env extends Cloudflare.Env {}
`), text);
  assert.match(text, /ProcessEnv extends StringifyValues<Pick<Cloudflare\.Env, "TEXT" \| "OBJ" \| "SECRET">>/);
  assert.equal((await run(['types', '--check'], { cwd: dir })).code, 0);
  writeFileSync(join(dir, '.dev.vars'), 'OTHER=x\n');
  assert.notEqual((await run(['types', '--check'], { cwd: dir })).code, 0);
  assert.equal((await run(['types', 'types/env.d.ts', '--env', 'staging', '--no-strict-vars', '--env-interface', 'Mine'], { cwd: dir })).code, 1); // no such folder
  assert.equal((await run(['types', 'env.d.ts', '--env', 'staging', '--no-strict-vars', '--env-interface', 'Mine'], { cwd: dir })).code, 0);
  text = readFileSync(join(dir, 'env.d.ts'), 'utf8');
  assert.match(text, /interface Env \{\n\t\tTEXT: string;\n\t\tOTHER: string;\n\t\}/);
  assert.match(text, /interface Mine extends Cloudflare\.Env \{\}/);
  assert.equal((await run(['types', 'env.ts'], { cwd: dir })).code, 2);
});

test('the state of what a build configured lies in the project, not in the build\'s output', async () => {
  const dir = project({
    'wrangler.toml': 'name = "source"\n',
    '.wrangler/deploy/config.json': '{"configPath": "../../dist/wrangler.json"}',
    'dist/wrangler.json': '{"name": "built", "main": "index.js", "compatibility_date": "2026-06-01", "kv_namespaces": [{"binding": "KV", "id": "one"}]}',
    'dist/index.js': 'export default { fetch: async (r, { KV }) => new Response(await KV.get("a")) };',
  });
  assert.equal((await run(['kv', 'key', 'put', '--binding', 'KV', 'a', 'by a verb'], { cwd: dir })).code, 0);
  const server = await dev(dir);
  assert.equal(await (await server.fetch('/')).text(), 'by a verb');
  await server.stop();
  assert.ok(existsSync(join(dir, '.selvage/state')) && !existsSync(join(dir, 'dist/.selvage')));
});
