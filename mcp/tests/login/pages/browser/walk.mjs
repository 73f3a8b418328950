// Goes through the whole sign-in by keyboard alone, in a browser that runs no script.
// Usage: node walk.mjs PACKAGES CHROMIUM JSON; prints what happened as JSON. The JSON has `url`, `invitation` (a path),
// `password`, `changed` (the next password), `port` (of a client here), `onward` (where that client sends the browser),
// `request` (a query for /authorize), `token` (what it sends to `tokenUrl`), and `resolve` (rules for names of hosts).

import { client, focused, tab } from './parts.mjs';
import { launch } from '../../../operator/browser/browser.mjs';

const [packages, chromium, given] = process.argv.slice(2);
const { url, invitation, password, changed, port, onward, request, token, tokenUrl, resolve } = JSON.parse(given);
const browser = await launch(packages, chromium, resolve ? [`--host-resolver-rules=${resolve}`] : []);
const context = await browser.newContext({ javaScriptEnabled: false, ignoreHTTPSErrors: true });
const page = await context.newPage();
const steps = [], complaints = [];
page.on('console', (message) => complaints.push(message.text()));
const here = await client(port, onward);

await page.goto(url + invitation);
await typed('new', password);
await typed('repeat', password);
const name = await page.inputValue('#name');
await enter('repeat');
await tab(page, 'Sign out');
await press('Enter');
await enter('Sign out', 'button');

await page.goto(`${url}/authorize?${request}`);
await typed('name', name);
await typed('password', 'not the password');
await enter('password');
const alert = await focused(page);
await tab(page, 'password');
await page.keyboard.type(password);
await enter('password');
await tab(page, 'scopes-both');
await page.keyboard.press('ArrowDown');
const chosen = await page.evaluate(() => document.querySelector('input[name=scopes]:checked').value);
await tab(page, 'Allow');
await page.keyboard.press('Enter');
await page.waitForURL(onward ?? `http://127.0.0.1:${port}/**`);
const received = { title: await page.title(), answers: [...here.answers], at: page.url() };
const code = new URL(here.answers[0], url).searchParams.get('code');
const answer = await fetch(tokenUrl, { method: 'POST', body: new URLSearchParams({ ...token, code }) });
const granted = await answer.json();

const held = await cookies();
await page.goBack();
const back = page.url();
await page.goto(`${url}/connections`);
await tab(page, 'To the content');
await press('Enter', false);
await enter(await page.evaluate(() => document.querySelector('.card button').getAttribute('aria-label')));
const disconnected = await page.evaluate(() => document.querySelector('[role=status]').textContent);
await tab(page, 'Change password');
await press('Enter');
await typed('current', password);
await typed('new', changed);
await typed('repeat', changed);
await enter('repeat');
await enter('Sign out everywhere', 'button');
const left = await cookies();
here.close();
await browser.close();
process.stdout.write(JSON.stringify({
  steps, complaints, alert, chosen, received, granted: { status: answer.status, scope: granted.scope }, back, disconnected, held, left,
}));

async function cookies() {
  const all = (await context.cookies()).sort((one, other) => one.name.localeCompare(other.name));
  return all.map(({ name, secure, httpOnly, sameSite, path, domain, expires }) => ({
    name, secure, httpOnly, sameSite, path, domain, lasts: expires > 0,
  }));
}

async function typed(field, text) {
  await tab(page, field);
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

/** Presses Enter on what has that id or these words, of that element, and waits for the next page. */
async function enter(wanted, element) {
  await tab(page, wanted);
  while (element && (await focused(page))?.element !== element) {
    await page.keyboard.press('Tab');
    await tab(page, wanted);
  }
  await press('Enter');
}

async function press(key, leaves = true) {
  await Promise.all([leaves ? page.waitForNavigation() : null, page.keyboard.press(key)]);
  const heading = await page.evaluate(() => document.querySelector('h1').textContent);
  const { pathname } = new URL(page.url());
  steps.push(`${pathname} ${heading}`);
}
