// A real browser without a window, driven over the DevTools protocol: what a person at a page does and sees.
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { after } from 'node:test';
import { until } from './selvage.mjs';

const PATIENCE = 60000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

function executable(name) {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return join(dir, name);
    } catch {}
  }
}
const program = NAMES.map(executable).find(Boolean);
// The reason why a test cannot have a browser, or false.
export const noBrowser = program ? false : `none of ${NAMES.join(', ')} is installed`;

const living = new Set();
const killAll = () => {
  for (const b of living) b.kill();
};
after(killAll); // a browser that a failed test left behind would keep this process from ending
process.on('exit', killAll);

const FLAGS = [
  '--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--no-default-browser-check', '--disable-extensions',
  '--disable-sync', '--disable-component-update', '--disable-background-networking', '--disable-breakpad', '--mute-audio',
  '--no-proxy-server', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', // nothing leaves this machine
  '--no-sandbox', // root and most containers cannot have one, and the pages are our own
  '--lang=en-US', '--window-size=900,700',
];

// Starts one with an empty profile. It speaks through pipes, so that it ends of itself should this process die.
export async function browser() {
  const profile = mkdtempSync(join(tmpdir(), 'selvage-browser-'));
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'], {
    env: { ...process.env, HOME: profile }, detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const to = child.stdio[3], from = child.stdio[4];
  const calls = new Map(), tabs = new Map();
  let said = '', rest = '', last = 0, over = null;

  function end(why) {
    over ??= new Error(`the browser ${why}:\n${said.slice(-2000)}`);
    for (const call of calls.values()) call.no(over);
    calls.clear();
  }
  const self = {
    pid: child.pid,
    kill() {
      living.delete(self);
      try { process.kill(-child.pid, 'SIGKILL'); } catch {}
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
  living.add(self);
  child.stderr.on('data', (d) => (said += d));
  child.on('error', (e) => end(`did not start (${e.message})`));
  const exited = new Promise((ok) => child.on('exit', (code, signal) => { end(`ended with ${code ?? signal}`); ok(); }));
  for (const pipe of [to, from]) pipe.on('error', () => {}); // the end of the process says it
  from.setEncoding('utf8').on('data', (d) => {
    const messages = (rest + d).split('\0');
    rest = messages.pop();
    for (const text of messages) receive(JSON.parse(text));
  });

  function receive(m) {
    if (m.id === undefined) return tabs.get(m.sessionId)?.(m.method, m.params);
    const call = calls.get(m.id);
    if (!calls.delete(m.id)) return;
    if (m.error) call.no(new Error(`${call.method}: ${m.error.message}`));
    else call.ok(m.result);
  }
  async function call(method, params = {}, sessionId) {
    if (over) throw over;
    const id = ++last;
    let timer;
    const answer = new Promise((ok, no) => {
      calls.set(id, { method, ok, no });
      timer = setTimeout(() => { calls.delete(id); no(new Error(`${method}: no answer from the browser\n${said.slice(-2000)}`)); }, PATIENCE);
    });
    to.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  // Opens a page in a window of its own; `prompt` is what its reader answers to a question of the page.
  self.open = async (url, { prompt } = {}) => {
    const { targetId } = await call('Target.createTarget', { url: 'about:blank', newWindow: true });
    const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
    const ask = (method, params) => call(method, params, sessionId);
    const tab = { errors: [], asked: [] };
    tabs.set(sessionId, (method, p) => {
      if (method === 'Runtime.exceptionThrown') tab.errors.push(p.exceptionDetails.exception?.description ?? p.exceptionDetails.text);
      else if (method === 'Log.entryAdded' && p.entry.level === 'error') tab.errors.push(`${p.entry.text} ${p.entry.url ?? ''}`);
      else if (method === 'Page.javascriptDialogOpening') {
        tab.asked.push(p.message);
        ask('Page.handleJavaScriptDialog', { accept: prompt !== undefined, promptText: prompt }).catch((e) => tab.errors.push(e.message));
      }
    });

    tab.evaluate = async (expression) => {
      const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    // Waits for an expression to be true, also across the loading of another document, and gives its value.
    tab.until = async (expression, what = expression) => {
      let failure;
      try {
        return await until(() => tab.evaluate(expression).catch((e) => { failure = e; if (over) throw e; }), what, PATIENCE);
      } catch (e) {
        const text = await tab.evaluate('document.body.innerText').catch(() => 'unreadable');
        throw new Error(`${e.message}\n${failure?.message ?? ''}\n${tab.errors.join('\n')}\nthe page is:\n${text}`);
      }
    };
    const shown = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
    tab.text = (selector) => tab.evaluate(`${shown(selector)}.innerText`);
    tab.texts = (selector) => tab.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.innerText)`);
    tab.shows = (selector, text) => tab.until(`[...document.querySelectorAll(${JSON.stringify(selector)})].some((e) => e.innerText.includes(${JSON.stringify(text)}))`, `${text} in ${selector}`);
    tab.click = async (selector) => {
      const { x, y } = await tab.evaluate(`(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(${shown(selector)}.getBoundingClientRect())`);
      for (const type of ['mousePressed', 'mouseReleased']) await ask('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
    };
    tab.type = async (text) => {
      for (const letter of text) await ask('Input.dispatchKeyEvent', { type: 'char', text: letter });
    };
    tab.enter = async () => {
      const key = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13 };
      await ask('Input.dispatchKeyEvent', { type: 'keyDown', text: '\r', ...key });
      await ask('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
    };
    tab.go = async (to_) => {
      const { errorText } = await ask('Page.navigate', { url: to_ });
      if (errorText) throw new Error(`${to_}: ${errorText}`);
    };
    tab.reload = async () => {
      await tab.evaluate('void (window.before = true)');
      await ask('Page.reload');
      await tab.until('!window.before && document.readyState === "complete"', 'the page anew');
    };
    tab.close = () => call('Target.closeTarget', { targetId });

    for (const domain of ['Page', 'Runtime', 'Log']) await ask(`${domain}.enable`);
    await ask('Emulation.setFocusEmulationEnabled', { enabled: true }); // of several windows each believes that it is the one in use
    await tab.go(url);
    return tab;
  };
  self.close = async () => {
    const slow = setTimeout(() => self.kill(), 10000);
    await call('Browser.close').catch(() => {});
    await exited;
    clearTimeout(slow);
    self.kill(); // what it left behind, if anything
  };

  await call('Browser.getVersion').catch((e) => { self.kill(); throw e; });
  return self;
}
