import type { Env, Job } from './types';

// At least once: the row's key makes a repeated delivery harmless.
export async function consume(batch: MessageBatch<Job>, env: Env): Promise<void> {
  for (const message of batch.messages) {
    const { id, kind } = message.body;
    if (kind === 'fail') {
      message.retry({ delaySeconds: 0 }); // ends in jobs-dead after three more attempts
      continue;
    }
    await env.DB.prepare('INSERT INTO jobs (id, kind, attempts) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING')
      .bind(id, kind, message.attempts)
      .run();
    message.ack();
  }
}
