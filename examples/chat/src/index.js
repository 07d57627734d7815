// A chat room is a Durable Object. Its WebSockets hibernate: between two messages the object need not exist.
import { DurableObject } from "cloudflare:workers";
import page from "./page.html";

const HISTORY = 100;
const TEXT_MAX = 2000;
const NAME_MAX = 32;
const QUIET_MS = 30 * 24 * 3600 * 1000; // an unused room forgets what was said in it

export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS messages(id INTEGER PRIMARY KEY, at INTEGER, name TEXT, text TEXT)");
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  async fetch(request) {
    const name = new URL(request.url).searchParams.get("name")?.trim().slice(0, NAME_MAX) || "anonymous";
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server, [name]);
    server.serializeAttachment({ name });
    server.send(JSON.stringify({ type: "history", messages: this.history(), people: this.people() }));
    this.broadcast({ type: "joined", name, people: this.people() }, server);
    await this.ctx.storage.setAlarm(Date.now() + QUIET_MS);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(ws, message) {
    if (typeof message !== "string") return ws.close(1003, "text only");
    const text = message.trim();
    if (text === "" || text.length > TEXT_MAX) return ws.send(JSON.stringify({ type: "refused", reason: `1 to ${TEXT_MAX} characters, please` }));
    const said = { at: Date.now(), name: ws.deserializeAttachment().name, text };
    this.ctx.storage.sql.exec("INSERT INTO messages(at, name, text) VALUES(?, ?, ?)", said.at, said.name, said.text);
    this.ctx.storage.sql.exec("DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - ?", HISTORY);
    this.broadcast({ type: "said", ...said });
  }

  webSocketClose(ws, code) {
    ws.close(code === 1005 || code === 1006 ? 1000 : code, "goodbye");
    const { name } = ws.deserializeAttachment();
    this.broadcast({ type: "left", name, people: this.people(ws) }, ws);
  }

  async alarm() {
    if (this.ctx.getWebSockets().length > 0) await this.ctx.storage.setAlarm(Date.now() + QUIET_MS);
    else await this.ctx.storage.deleteAll();
  }

  history() {
    return this.ctx.storage.sql.exec("SELECT at, name, text FROM messages ORDER BY id").toArray();
  }

  people(leaving) {
    return this.ctx.getWebSockets().filter((ws) => ws !== leaving).map((ws) => ws.deserializeAttachment()?.name ?? "anonymous").sort();
  }

  broadcast(message, except) {
    const text = JSON.stringify(message);
    for (const ws of this.ctx.getWebSockets()) if (ws !== except) ws.send(text);
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const room = /^\/rooms\/([\w-]{1,64})\/socket$/.exec(pathname)?.[1];
    if (room === undefined) {
      if (pathname !== "/" && !/^\/rooms\/[\w-]{1,64}$/.test(pathname)) return new Response("Not found\n", { status: 404 });
      return new Response(page, { headers: { "content-type": "text/html;charset=UTF-8" } });
    }
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response("A WebSocket is expected here.\n", { status: 426 });
    return env.ROOMS.getByName(room).fetch(request);
  },
};
