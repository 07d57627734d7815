import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

// Lives in this worker; whoever opened it holds a stub, and each call comes back here.
class Account extends RpcTarget {
  #name;
  #calls = 0;

  constructor(name) {
    super();
    this.#name = name;
  }

  greet(word) {
    this.#calls++;
    return `${word}, ${this.#name}!`;
  }

  calls() {
    return this.#calls;
  }
}

export class Accounts extends WorkerEntrypoint {
  async open(name) {
    await this.env.STORE.put(name, JSON.stringify({ openedBy: this.ctx.props.caller }));
    return new Account(name);
  }

  async names() {
    const { keys } = await this.env.STORE.list();
    return keys.map((key) => key.name);
  }
}

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    const account = await env.STORE.get(name);
    return account === null ? new Response(`no account ${name}\n`, { status: 404 }) : new Response(account, { headers: { "content-type": "application/json" } });
  },
};
