// Looks at the operator's page as people do: in light and dark, on a phone, enlarged, by keyboard, and with the
// rules of axe-core. Usage: node look.mjs PACKAGES CHROMIUM URL [FOLDER NAME]; prints what it saw as JSON. With a folder
// it leaves pictures there.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { launch } from './browser.mjs';

const [packages, chromium, url, folder, name] = process.argv.slice(2);
const require = createRequire(join(packages, 'package.json'));
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
const VIEWS = {
  light: { viewport: WIDE, colorScheme: 'light' },
  dark: { viewport: WIDE, colorScheme: 'dark' },
  phone: { viewport: PHONE, colorScheme: 'light', isMobile: true, hasTouch: true },
  'phone-dark': { viewport: PHONE, colorScheme: 'dark', isMobile: true, hasTouch: true },
  // 200 % of a window of 1280: half as many CSS pixels
  enlarged: { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2, colorScheme: 'light' },
};

const browser = await launch(packages, chromium);
const seen = {};
for (const [view, options] of Object.entries(VIEWS)) seen[view] = await look(view, options);
await browser.close();
process.stdout.write(JSON.stringify(seen));

async function look(view, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const requests = [], complaints = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  const answer = await page.goto(url);
  const facts = {
    status: answer.status(),
    title: await page.title(),
    focus: await tabbed(page),
    // beyond the edge of the window, so that all of the page would have to be moved
    overflow: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
    colours: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
  };
  if (folder && (options.viewport === WIDE || (name === 'busy' && view === 'phone'))) await picture(page, view);
  await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  facts.passed = found.passes.length;
  facts.violations = found.violations.map(({ id, impact, nodes }) => ({
    id, impact, at: nodes.slice(0, 3).map((node) => node.html.slice(0, 200)),
  }));
  await context.close();
  return { ...facts, requests, complaints };
}

/** What gets the focus, one after the other, with the name that a screen reader says. */
async function tabbed(page) {
  const order = [];
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return null;
      const outline = getComputedStyle(one).outlineStyle;
      const words = one.getAttribute('aria-label') || one.textContent.trim();
      return { element: one.localName, words, isMarked: outline !== 'none' };
    });
    if (!at) break;
    order.push(at);
  }
  await page.evaluate(() => { document.activeElement?.blur(); window.scrollTo(0, 0); });
  return order;
}

async function picture(page, view) {
  const { width, height } = page.viewportSize();
  const clip = { x: 0, y: 0, width, height: name === 'busy' && width === WIDE.width ? 1320 : height };
  await page.screenshot({ path: join(folder, `${name}-${view}.png`), clip, fullPage: true });
}
