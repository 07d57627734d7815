// PUT  /accounts/NAME        opens an account: a call of another worker, whose result is an object with methods of its own
// POST /accounts/NAME/mails  sends a message to a queue that a third worker consumes
// GET  /accounts             all names;  GET /outbox  what was delivered
// anything else is passed on, as a request, to the accounts worker
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, folder, name, what] = pathname.split("/");

    if (request.method === "PUT" && folder === "accounts" && name) {
      const account = await env.ACCOUNTS.open(name);
      return Response.json({ greeting: await account.greet("Welcome"), calls: await account.calls() }, { status: 201 });
    }
    if (request.method === "POST" && folder === "accounts" && what === "mails") {
      await env.MAILS.send({ to: name, text: await request.text() });
      return new Response(null, { status: 202 });
    }
    if (pathname === "/accounts") return Response.json(await env.ACCOUNTS.names());
    if (pathname === "/outbox") {
      const { keys } = await env.OUTBOX.list();
      return Response.json(await Promise.all(keys.map(({ name }) => env.OUTBOX.get(name, "json"))));
    }
    return env.ACCOUNTS_WEB.fetch(request);
  },
};
