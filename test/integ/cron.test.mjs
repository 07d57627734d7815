// Slots of crons that nobody was there for.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, until, worker } from './lib/selvage.mjs';

const HOUR = 3600000;
const source = `export default {
  scheduled(controller) { console.log('SLOT ' + controller.cron + ' ' + controller.scheduledTime); },
  fetch() { return new Response(''); },
};`;

test('the latest slot that was missed runs once after a restart, and none at the first start', async () => {
  const dir = worker(source, '[triggers]\ncrons = ["7 * * * *", "0 0 30 2 *"]\n');
  const file = join(dir, '.selvage/state/v1/cron.json');
  const book = () => JSON.parse(readFileSync(file, 'utf8'));
  let server = await dev(dir);
  await until(() => { try { return book().length === 2; } catch { return false; } }, 'the book');
  await server.stop();
  assert.doesNotMatch(server.output, /SLOT/);

  // as if nothing had run for five hours
  writeFileSync(file, JSON.stringify(book().map((e) => ({ ...e, last: Date.now() - 5 * HOUR }))));
  server = await dev(dir);
  const [, slot] = await server.saw(/SLOT 7 \* \* \* \* (\d+)/);
  assert.ok(Number(slot) > Date.now() - HOUR - 60000 && Number(slot) <= Date.now());
  assert.equal(new Date(Number(slot)).getUTCMinutes(), 7);
  await until(() => book().some((e) => e.last === Number(slot)), 'the slot in the book');
  await server.stop('SIGKILL');
  assert.equal(server.output.match(/SLOT/g).length, 1);

  server = await dev(dir);
  await (await server.fetch('/')).text();
  await server.stop();
  // unless an hour has just passed, nothing was missed since
  for (const [, again] of server.output.matchAll(/SLOT 7 \* \* \* \* (\d+)/g)) assert.ok(Number(again) > Number(slot));
});
