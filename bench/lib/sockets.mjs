// Opens many WebSockets and keeps them idle.
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
  return async () => {
    for (const ws of sockets) ws.terminate();
  };
}
