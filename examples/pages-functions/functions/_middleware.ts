// Before everything: how long it took, and one place for what goes wrong.
interface Context {
  request: Request;
  data: Record<string, unknown>;
  next(): Promise<Response>;
}

const timing = async ({ data, next }: Context) => {
  data.began = Date.now();
  const response = await next();
  response.headers.set('server-timing', `functions;dur=${Date.now() - (data.began as number)}`);
  return response;
};

const failures = async ({ request, next }: Context) => {
  try {
    return await next();
  } catch (error) {
    return Response.json({ error: (error as Error).message, path: new URL(request.url).pathname }, { status: 500 });
  }
};

export const onRequest = [timing, failures];
