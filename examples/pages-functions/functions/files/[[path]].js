// Anything below /files: what the path is made of.
export const onRequest = ({ params }) => Response.json({ path: params.path ?? [] });
