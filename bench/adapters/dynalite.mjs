// A Worker of selvage whose models live in dynalite, over HTTP: both in one process tree.
// usage: node dynalite.mjs PORT COMMAND...
import { spawn } from 'node:child_process';
import dynalite from 'dynalite';

const [, , port, program, ...args] = process.argv;
const tables = dynalite({ createTableMs: 0 });
tables.listen(Number(port) + 1, '127.0.0.1', () => {
  const child = spawn(program, [...args, '--var', `TABLES:http://127.0.0.1:${Number(port) + 1}/`], { stdio: 'inherit' });
  child.on('exit', (code) => process.exit(code ?? 1));
  process.on('SIGTERM', () => child.kill());
});
