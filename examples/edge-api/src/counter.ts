import type { Env } from './types';

export class Counter implements DurableObject {
  private count = 0;

  constructor(private state: DurableObjectState, private env: Env) {
    state.blockConcurrencyWhile(async () => {
      this.count = (await state.storage.get<number>('count')) ?? 0;
    });
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === '/increment') {
      this.count++;
      await this.state.storage.put('count', this.count);
    }
    return Response.json({ count: this.count });
  }
}
