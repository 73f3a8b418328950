// Looks at every page of the sign-in as people do: in light and dark, on a phone, enlarged, in forced colours.
// Usage: node tour.mjs PACKAGES CHROMIUM JSON; prints what it saw as JSON. The JSON has for each view the path of an
// `invitation`, and for all `url`, `password`, `port` (of a client here), `requests` (queries for /authorize by the
// kind of client), `token` (of the client of the device), and perhaps `pictures`, a folder.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { client, examined, order, rules } from './parts.mjs';
import { launch } from '../../../operator/browser/browser.mjs';

const [packages, chromium, given] = process.argv.slice(2);
const { url, password, port, requests, token, invitations, pictures } = JSON.parse(given);
const axe = rules(packages);

const WIDE = { width: 1000, height: 760 };
const PHONE = { width: 360, height: 740 };
const VIEWS = {
  light: { viewport: WIDE, colorScheme: 'light' },
  dark: { viewport: WIDE, colorScheme: 'dark' },
  phone: { viewport: PHONE, colorScheme: 'light', isMobile: true, hasTouch: true },
  'phone-dark': { viewport: PHONE, colorScheme: 'dark', isMobile: true, hasTouch: true },
  // 200 % of a window of 1280: half as many CSS pixels
  enlarged: { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2, colorScheme: 'light' },
  // WCAG 2.2, success criterion 1.4.10: 400 % of the same window
  reflow: { viewport: { width: 320, height: 256 }, colorScheme: 'light' },
  forced: { viewport: WIDE, colorScheme: 'dark', forcedColors: 'active' },
};
const SHOWN = [
  'invitation', 'sign-in', 'sign-in-refused', 'consent-device', 'consent-app', 'returning-app', 'connections', 'password', 'signed-out', 'wrong',
];
const SHEET = { width: 1400, height: 900 };

const browser = await launch(packages, chromium);
const here = await client(port);
const seen = {}, shots = {};
for (const [view, options] of Object.entries(VIEWS)) {
  seen[view] = {};
  shots[view] = new Map();
  await tour(view, options);
}
if (pictures) await sheets();
here.close();
await browser.close();
process.stdout.write(JSON.stringify(seen));

async function tour(view, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  let loaded = [], complaints = [];
  page.on('request', (request) => loaded.push(request.url()));
  page.on('console', (message) => { if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));

  async function see(name) {
    if (pictures && SHOWN.includes(name)) shots[view].set(name, await picture(page));
    const focus = await page.evaluate(() => document.activeElement?.id ?? '');
    seen[view][name] = {
      title: await page.title(),
      heading: await page.evaluate(() => [...document.querySelectorAll('h1')].map((one) => one.textContent)),
      landmarks: await page.evaluate(() => [...document.querySelectorAll('header, nav, main')].map((one) => one.localName)),
      language: await page.evaluate(() => document.documentElement.lang),
      // beyond the edge of the window, so that all of the page would have to be moved
      overflow: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
      colours: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      scripts: await page.evaluate(() => document.scripts.length),
      fields: await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden])')].map((one) => ({
        name: one.name, type: one.type, autocomplete: one.autocomplete, label: one.labels[0]?.textContent ?? '',
        notes: (one.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean).map((id) => document.getElementById(id)?.textContent ?? null),
        isWrong: one.getAttribute('aria-invalid') === 'true',
      }))),
      first: focus,
      focus: await order(page),
      foreign: loaded.filter((address) => !address.startsWith(`${url}/`) && !address.startsWith('data:')),
      complaints,
      ...(await examined(page, axe)),
    };
    loaded = []; complaints = [];
  }
  async function send(label) {
    await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: label, exact: true }).click()]);
  }

  await page.goto(url + invitations[view]);
  await see('invitation');
  await page.getByLabel('New password', { exact: true }).fill('too short');
  await page.getByLabel('New password, once more').fill('too short');
  await send('Set password and sign in');
  await see('invitation-weak');
  const name = await page.getByLabel('User name').inputValue();
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, once more').fill(password);
  await send('Set password and sign in');
  await see('connections-none');
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-out');
  await see('sign-out');
  await send('Sign out');
  await see('signed-out');
  await page.goto(url + invitations[view]);
  await see('link-gone');

  await page.goto(`${url}/authorize?${requests.device}`);
  await see('sign-in');
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('Password').fill('not the password');
  await send('Sign in');
  await see('sign-in-refused');
  await page.getByLabel('Password').fill(password);
  await send('Sign in');
  await see('consent-device');
  await send('Allow');
  await page.waitForURL(`http://127.0.0.1:${port}/**`);
  const code = new URL(page.url()).searchParams.get('code');
  const answer = await fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams({ ...token, code }) });
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`);
  loaded = [];

  await page.goto(`${url}/authorize?${requests.site}`);
  await see('consent-site');
  await page.goto(`${url}/authorize?${requests.wrong}`);
  await see('wrong');
  await page.goto(`${url}/connections`);
  await see('connections');
  await page.goto(`${url}/password`);
  await see('password');
  await page.getByLabel('Current password').fill('not the password');
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, once more').fill(password);
  await send('Change password');
  await see('password-refused');

  // Last: the browser asks whether it may open the app, and that has the focus from then on.
  await page.goto(`${url}/authorize?${requests.app}`);
  await see('consent-app');
  await send('Do not allow');
  loaded = [];
  await page.getByRole('heading', { name: 'You can go back now' }).waitFor();
  loaded = loaded.filter((address) => !address.startsWith('com.example.notes:'));
  await see('returning-app');
  await context.close();
}

/** A picture of the page as far as there is something on it. */
async function picture(page) {
  const { width } = page.viewportSize();
  const height = await page.evaluate(() => Math.ceil(document.querySelector('main').getBoundingClientRect().bottom));
  return page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width, height } });
}

/** The pictures of a view side by side, in one file. */
async function sheets() {
  for (const view of ['light', 'dark', 'phone', 'phone-dark']) {
    const { viewport, colorScheme } = VIEWS[view];
    const page = await browser.newPage({ viewport: SHEET });
    const scale = viewport === WIDE ? 0.45 : 0.6;
    const shown = SHOWN.map((name) => `<figure><figcaption>${name}</figcaption>`
      + `<img width="${viewport.width * scale}" src="data:image/png;base64,${shots[view].get(name).toString('base64')}"></figure>`);
    const back = colorScheme === 'dark' ? '#333;color:#eee' : '#ddd;color:#111';
    await page.setContent(`<style>body{margin:12px;background:${back};font:13px sans-serif;display:flex;flex-wrap:wrap;gap:12px}`
      + `figure{margin:0}figcaption{margin:0 0 3px}</style>${shown.join('')}`);
    await page.screenshot({ path: join(pictures, `sign-in-${view}.png`), fullPage: true });
    await page.close();
  }
}
