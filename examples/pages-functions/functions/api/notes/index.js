// GET /api/notes lists, POST /api/notes adds.
export async function onRequestGet({ env }) {
  const { keys } = await env.NOTES.list();
  return Response.json({ title: env.TITLE, notes: keys.map((k) => k.name) });
}

export async function onRequestPost({ request, env }) {
  const { name, text } = await request.json();
  if (!name || !text) throw new Error('a note has a name and a text');
  await env.NOTES.put(name, text);
  return Response.json({ name }, { status: 201 });
}
