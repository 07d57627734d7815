// A site of static files, an API beside them, and one page that is made of both.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/api/time") return Response.json({ now: new Date().toISOString() });
    if (url.pathname === "/greet") {
      const page = await env.ASSETS.fetch(new URL("/greeting", url));
      return new HTMLRewriter()
        .on("#name", { element: (e) => e.setInnerContent(url.searchParams.get("name") ?? "you") })
        .transform(page);
    }
    return env.ASSETS.fetch(request);
  },
};
