// Takes what the gateway sent. A message that cannot be delivered is tried again, the others are not.
export default {
  async queue(batch, env) {
    for (const message of batch.messages) {
      if (message.body.text === "later" && message.attempts === 1) message.retry({ delaySeconds: 1 });
      else await env.OUTBOX.put(message.id, JSON.stringify({ ...message.body, attempts: message.attempts }));
    }
  },
};
