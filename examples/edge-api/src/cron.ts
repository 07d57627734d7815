import type { Env } from './types';

// Every night: forget what was done a month ago, and say so.
export async function nightly(controller: ScheduledController, env: Env, ctx: ExecutionContext): Promise<void> {
  const old = new Date(controller.scheduledTime - 30 * 86_400_000).toISOString().slice(0, 19).replace('T', ' ');
  const { meta } = await env.DB.prepare('DELETE FROM jobs WHERE done_at < ?').bind(old).run();
  ctx.waitUntil(env.CACHE.put('cron:last', JSON.stringify({ slot: controller.scheduledTime, removed: meta.changes })));
}
