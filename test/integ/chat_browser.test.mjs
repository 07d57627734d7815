// The examples with pages, used by people: a real browser types, clicks and reads.
import test from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { browser, noBrowser } from './lib/browser.mjs';
import { isolates } from './lib/processes.mjs';
import { dev, example, sleep, until } from './lib/selvage.mjs';

async function withPages(dir, args, work) {
  const server = await dev(dir, args);
  let people;
  try {
    people = await browser();
    await work(server, people);
    await people.close();
  } finally {
    people?.kill();
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
}
// What was said, as a tab shows it: ["ann: hello", ...]
const said = (tab) => tab.evaluate('[...document.querySelectorAll("#log .said")].map((li) => li.innerText.slice(li.querySelector("time").innerText.length).trim())');

// The example as it is, and one line for each time that a room comes to life.
const COUNTED = `
import { Room as Base } from './index.js';
export { default } from './index.js';
export class Room extends Base {
  constructor(ctx, env) {
    super(ctx, env);
    console.log('the room is awake');
  }
}
`;

test('examples/chat: two people talk in a room that sleeps in between', { skip: noBrowser }, async () => {
  const dir = example('chat');
  writeFileSync(join(dir, 'src', 'counted.js'), COUNTED);
  await withPages(dir, ['src/counted.js'], async (server, people) => {
    const awake = () => server.output.split('the room is awake').length - 1;
    const url = `${server.url}/rooms/lobby`;
    const ann = await people.open(`${url}?name=ann`);
    await ann.shows('#people', 'Here: ann');
    const bob = await people.open(url, { prompt: 'bob' });
    await bob.shows('#people', 'Here: ann, bob');
    assert.deepEqual(bob.asked, ['Your name?']);
    await ann.shows('#people', 'Here: ann, bob');
    assert.deepEqual(await ann.texts('#log .note'), ['bob has joined.']);
    assert.equal(await ann.text('h1'), 'Room lobby');

    // The field has the focus from the start; one sends with the key, the other with the button.
    await ann.type('good morning, <b>bob</b> ☕');
    await ann.enter();
    await bob.shows('#log .said', 'good morning, <b>bob</b> ☕');
    await bob.click('#text');
    await bob.type('grüß dich');
    await bob.click('#form button');
    await ann.shows('#log .said', 'bob: grüß dich');
    await bob.shows('#log .said', 'bob: grüß dich');
    assert.equal(await bob.evaluate('document.getElementById("text").value'), '');
    const spoken = ['ann: good morning, <b>bob</b> ☕', 'bob: grüß dich'];
    for (const tab of [ann, bob]) assert.deepEqual(await said(tab), spoken);
    assert.equal(awake(), 1);

    // Nobody says anything for longer than a room stays in memory (ten seconds); on a machine under load it may be late.
    for (let round = 1; awake() < 2; round++) {
      assert(round <= 3, 'the room stays awake');
      await sleep(11000 + 1000 * round);
      await ann.type(`awake? ${round}`);
      await ann.enter();
      await bob.shows('#log .said', `ann: awake? ${round}`);
      await ann.shows('#log .said', `ann: awake? ${round}`);
      spoken.push(`ann: awake? ${round}`);
    }
    // Neither does it need the process that it lived in.
    const were = isolates(server, 'chat');
    assert(were.length > 0);
    for (const p of were) process.kill(p.pid, 'SIGKILL');
    await until(() => were.every((p) => !isolates(server, 'chat').some((q) => q.pid === p.pid)), 'the end of the isolate');
    const before = awake();
    await bob.click('#text');
    await bob.type('and now?');
    await bob.enter();
    await ann.shows('#log .said', 'bob: and now?');
    spoken.push('bob: and now?');
    await until(() => awake() > before, 'the room to be made anew');
    // All of it through the connections of the beginning.
    for (const tab of [ann, bob]) assert.equal(await tab.evaluate('performance.getEntriesByType("navigation").length'), 1);
    assert.equal(server.output.match(/\/socket\?name=\w+ 101/g).length, 2);

    await ann.reload();
    await until(async () => (await said(ann)).length === spoken.length, 'the history');
    assert.deepEqual(await said(ann), spoken);
    await bob.until('[...document.querySelectorAll("#log .note")].map((n) => n.innerText).join() === "ann has left.,ann has joined."', 'ann to leave and come back');
    await ann.close();
    await bob.until('document.getElementById("people").innerText === "Here: bob"', 'bob to be alone');
    assert.deepEqual([...ann.errors, ...bob.errors], []);
  });
});

test('examples/chat: a page finds its way back to a server that was away', { skip: noBrowser }, async () => {
  const dir = example('chat');
  await withPages(dir, [], async (first, people) => {
    const ann = await people.open(`${first.url}/rooms/attic?name=ann`);
    await ann.shows('#people', 'Here: ann');
    await ann.type('remember this');
    await ann.enter();
    await ann.shows('#log .said', 'ann: remember this');
    first.child.kill('SIGTERM');
    await first.exited;
    await ann.shows('#people', 'The connection was lost');
    await ann.type('typed meanwhile');
    await ann.enter();
    const second = await dev(dir, ['--port', String(first.port)], { wait: false });
    try {
      await ann.shows('#people', 'Here: ann');
      assert.deepEqual(await said(ann), ['ann: remember this']);
      await ann.enter(); // what could not be sent is still there
      await ann.shows('#log .said', 'ann: typed meanwhile');
    } finally {
      assert.deepEqual(await second.stop(), { code: 0, signal: null });
    }
  });
});

test('examples/site: a page shows what its script asked of the API', { skip: noBrowser }, () => withPages(example('site'), [], async (server, people) => {
  const page = await people.open(`${server.url}/`);
  const now = await page.until('document.getElementById("now").dateTime', 'the time');
  assert(Math.abs(Date.now() - Date.parse(now)) < 120000, now);
  assert.equal(await page.text('#now'), await page.evaluate(`new Date(${JSON.stringify(now)}).toLocaleString()`));
  assert.equal(await page.evaluate('getComputedStyle(document.body).maxWidth'), '640px'); // the style sheet came too

  await page.click('a[href^="/greet"]');
  await page.until('location.pathname === "/greet" && document.querySelector("#name")?.innerText === "Ada"', 'the greeting');
  await page.go(`${server.url}/manual`);
  await page.until('location.pathname === "/docs/" && document.querySelector("h1")?.innerText === "Docs"', 'the docs behind a redirect');
  assert.deepEqual(page.errors, []);
  await page.go(`${server.url}/nowhere`);
  await page.shows('p', 'There is no such page.');
}));
