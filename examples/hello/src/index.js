// The smallest useful Worker: a greeting, by name when the path has one.
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const name = decodeURIComponent(pathname.slice(1)) || 'World';
    return new Response(`${env.GREETING}, ${name}!\n`);
  },
};
