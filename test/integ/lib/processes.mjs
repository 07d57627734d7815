// The processes of a server under test.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

// Those below that one: [{ pid, args }].
export function below(pid) {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).map(([, p, parent, args]) => ({ pid: +p, parent: +parent, args }));
  const found = [];
  for (let front = [pid]; front.length > 0;) {
    const next = rows.filter((r) => front.includes(r.parent));
    found.push(...next);
    front = next.map((r) => r.pid);
  }
  return found;
}
// Whether it runs: one that has ended and was not asked for yet does not.
export const alive = ({ pid }) => { try { return !/\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); } catch { return false; } };
export const isolates = (server, name = 'test') => below(server.child.pid).filter((p) => p.args.startsWith(`selvage: isolate ${name}`) && alive(p));
