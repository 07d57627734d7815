// A playground: POST a module's source to /NAME, then call /NAME/... The module runs as a worker of its own, without a network;
// what it may use is its own notebook, and nothing of anybody else's.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

export class Notes extends DurableObject {
  source(text) {
    if (text !== undefined) this.ctx.storage.kv.put("source", text);
    return this.ctx.storage.kv.get("source");
  }

  note(key, value) {
    if (value !== undefined) this.ctx.storage.kv.put(`note:${key}`, value);
    return this.ctx.storage.kv.get(`note:${key}`);
  }
}

// What a playground worker sees as env.NOTES. Whose notebook it is stands in the props, which the worker cannot change.
export class Notebook extends WorkerEntrypoint {
  #notes() {
    return this.env.NOTES.getByName(this.ctx.props.owner);
  }

  get(key) {
    return this.#notes().note(key);
  }

  put(key, value) {
    return this.#notes().note(key, value);
  }
}

async function versionOf(text) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash).slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export default {
  async fetch(request, env, ctx) {
    const [, name, ...rest] = new URL(request.url).pathname.split("/");
    if (!name) return new Response("POST a module to /NAME, then GET /NAME/...\n");
    const notes = env.NOTES.getByName(name);
    if (request.method === "POST" && rest.length === 0) {
      await notes.source(await request.text());
      return new Response("saved\n", { status: 201 });
    }
    const source = await notes.source();
    if (source === undefined) return new Response("nobody has saved anything here\n", { status: 404 });

    // Another source is another id: the old worker is left to go by itself.
    const worker = env.LOADER.get(`${name}@${await versionOf(source)}`, () => ({
      compatibilityDate: "2026-06-01",
      mainModule: "index.js",
      modules: { "index.js": source },
      env: { NAME: name, NOTES: ctx.exports.Notebook({ props: { owner: name } }) },
      globalOutbound: null,
      limits: { cpuMs: 100, subRequests: 20 },
    }));
    try {
      return await worker.getEntrypoint().fetch(new Request(new URL("/" + rest.join("/"), request.url), request));
    } catch (error) {
      return new Response(`${error.message}\n`, { status: 500 });
    }
  },
};
