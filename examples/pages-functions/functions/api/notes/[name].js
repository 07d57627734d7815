// One note by its name.
export async function onRequestGet({ params, env }) {
  const text = await env.NOTES.get(params.name);
  return text === null ? new Response('no such note', { status: 404 }) : new Response(text);
}

export async function onRequestDelete({ params, env }) {
  await env.NOTES.delete(params.name);
  return new Response(null, { status: 204 });
}
