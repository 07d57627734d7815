// Starts build/test/net_server, the HTTP layer as a program of its own, and speaks to it in raw bytes.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { once } from 'node:events';

const program = process.env.NET_SERVER;

export async function server(...args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const complete = () => /port \d+\n/.test(text) && (!args.includes('--tls') || text.includes('END CERTIFICATE'));
  for await (const piece of child.stdout.iterator({ destroyOnReturn: false })) {
    text += piece;
    if (complete()) break;
  }
  const port = Number(/port (\d+)/.exec(text)[1]);
  const exit = once(child, 'exit');
  return {
    port,
    certificate: text.slice(text.indexOf('\n') + 1),
    url: `http${args.includes('--tls') ? 's' : ''}://127.0.0.1:${port}`,
    signal: (name) => child.kill(name),
    exit,
    stat: async () => (await fetch(`http://127.0.0.1:${port}/stat`, { headers: { connection: 'close' } })).json(),
    async stop() {
      child.kill('SIGTERM');
      const [code, signal] = await exit;
      return code ?? signal;
    },
  };
}

// A connection whose received bytes are gathered in `text`; until(what) waits for a string or a test of it.
export async function raw(port) {
  const socket = typeof port === 'string' ? net.connect(port) : net.connect(port, '127.0.0.1');
  const c = { socket, text: '', ended: false, failed: null };
  const waiters = new Set();
  const wake = () => waiters.forEach((w) => w());
  socket.on('data', (d) => { c.text += d.toString('latin1'); wake(); });
  socket.on('end', () => { c.ended = true; wake(); });
  socket.on('error', (e) => { c.failed = e; c.ended = true; wake(); });
  socket.on('close', () => { c.ended = true; wake(); });
  c.write = (bytes) => socket.write(bytes);
  c.until = (what, ms = 5000) => new Promise((ok, no) => {
    const timer = setTimeout(() => { waiters.delete(check); no(new Error(`timed out waiting for ${what}; have ${JSON.stringify(c.text.slice(-400))}`)); }, ms);
    const check = () => {
      if (typeof what === 'string' ? !c.text.includes(what) : !what(c)) return;
      clearTimeout(timer);
      waiters.delete(check);
      ok(c);
    };
    waiters.add(check);
    check();
  });
  c.end = () => c.until((x) => x.ended);
  await once(socket, 'connect');
  return c;
}
