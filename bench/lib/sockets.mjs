// Opens many WebSockets and keeps them idle.
import { connect } from 'node:net';
import { WebSocket } from 'ws';

export async function openSockets(port, count) {
  const sockets = [];
  for (let i = 0; i < count; i += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => new Promise((done, fail) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
      ws.on('open', () => { sockets.push(ws); done(); });
      ws.on('error', fail);
    })));
  }
  return () => sockets.forEach((ws) => ws.terminate());
}

// Opens many keep-alive connections, each of which has had one answer, and leaves them idle.
export async function openConnections(port, count) {
  const sockets = [];
  for (let i = 0; i < count; i += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - i) }, () => new Promise((done, fail) => {
      const s = connect(port, '127.0.0.1', () => s.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'));
      s.once('data', () => { sockets.push(s); done(); });
      s.on('error', fail);
    })));
  }
  return () => sockets.forEach((s) => s.destroy());
}
