// Agrees to a client that is an app, with a scheme of its own, and notes where the browser wants to go.
// Usage: node app.mjs PACKAGES CHROMIUM JSON; the JSON has `url`, `name`, `password` and `request` (a query for
// /authorize).

import { launch } from '../../../operator/browser/browser.mjs';

const [packages, chromium, given] = process.argv.slice(2);
const { url, name, password, request } = JSON.parse(given);
const browser = await launch(packages, chromium);
const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
const wanted = [], complaints = [];
page.on('console', (message) => complaints.push(message.text()));
const session = await page.context().newCDPSession(page);
await session.send('Page.enable');
session.on('Page.frameRequestedNavigation', ({ url: target, reason }) => wanted.push({ target, reason }));

await page.goto(`${url}/authorize?${request}`);
await page.fill('#name', name);
await page.fill('#password', password);
await Promise.all([page.waitForNavigation(), page.click('button')]);
wanted.length = 0;
await Promise.all([page.waitForNavigation(), page.click('button[value=allow]')]);
for (let wait = 0; wait < 50 && !wanted.some(({ reason }) => reason.includes('Refresh')); wait += 1) await page.waitForTimeout(100);
const heading = await page.textContent('h1');
await page.click('.actions a');
for (let wait = 0; wait < 50 && !wanted.some(({ reason }) => reason === 'anchorClick'); wait += 1) await page.waitForTimeout(100);
const after = await page.textContent('h1');
await browser.close();
process.stdout.write(JSON.stringify({ wanted, complaints, heading, after }));
