// Sends every message back; "count" asks how many this connection has sent, "bye" closes it.
const page = `<!doctype html><meta charset="utf-8"><title>Echo</title>
<form><input autofocus autocomplete="off"><button>Send</button></form><pre></pre>
<script>
const log = (line) => { document.querySelector('pre').textContent += line + '\\n'; };
const ws = new WebSocket(location.href.replace(/^http/, 'ws') + 'ws');
ws.onopen = () => log('open');
ws.onmessage = (e) => log('< ' + e.data);
ws.onclose = (e) => log('closed ' + e.code + ' ' + e.reason);
document.querySelector('form').onsubmit = (e) => {
  e.preventDefault();
  const input = document.querySelector('input');
  log('> ' + input.value);
  ws.send(input.value);
  input.value = '';
};
</script>`;

function echo() {
  const [client, server] = Object.values(new WebSocketPair());
  let count = 0;
  server.accept();
  server.binaryType = 'arraybuffer'; // the default is Blob since 2026-03-17, and send() takes none
  server.addEventListener('message', ({ data }) => {
    count++;
    if (data === 'count') server.send(String(count));
    else if (data === 'bye') server.close(1000, 'bye');
    else server.send(data);
  });
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/') return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } });
    if (pathname !== '/ws') return new Response('Not found\n', { status: 404 });
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return new Response('This address speaks WebSocket\n', { status: 426, headers: { upgrade: 'websocket' } });
    return echo();
  },
};
