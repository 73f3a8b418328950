// What the scripts beside share: a client on this machine that waits for answers, the rules of axe-core, and the keyboard.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A program on this machine that waits for the answer to it, which then sends the browser on to `onward`. */
export async function client(port, onward) {
  const answers = [];
  const server = createServer((request, response) => {
    if (!request.url.startsWith('/callback')) return response.writeHead(404).end();
    answers.push(request.url);
    if (onward) response.writeHead(302, { Location: onward }).end();
    else response.writeHead(200, { 'Content-Type': 'text/html' }).end('<link rel="icon" href="data:,"><title>Received</title>Received');
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return { answers, close: () => { server.closeAllConnections(); server.close(); } };
}

export function rules(packages) {
  const require = createRequire(join(packages, 'package.json'));
  return readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
}

/** What axe-core says of the page: how many rules it passes, and where it breaks one. */
export async function examined(page, axe) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  return {
    passed: found.passes.length,
    violations: found.violations.map(({ id, impact, nodes }) => ({
      id, impact, at: nodes.slice(0, 3).map((node) => node.html.slice(0, 200)),
    })),
  };
}

/** What has the focus, with the name that a screen reader says. */
export function focused(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const style = getComputedStyle(one);
    const label = one.labels?.[0]?.textContent;
    const words = one.getAttribute('aria-label') || label || one.textContent.trim();
    return { element: one.localName, id: one.id, words, isMarked: style.outlineStyle !== 'none' };
  });
}

/** Everything that gets the focus, one after the other, from the top of the page. */
export async function order(page) {
  await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); });
  const found = [];
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    if (!at) break;
    found.push(at);
  }
  await page.evaluate(() => document.body.removeAttribute('tabindex'));
  return found;
}

/** Goes on by Tab until the element with that id, or with these words, has the focus. */
export async function tab(page, wanted) {
  for (let step = 0; step < 60; step += 1) {
    const at = await focused(page);
    if (at && (at.id === wanted || at.words === wanted)) {
      if (!at.isMarked) throw new Error(`${wanted} has the focus, and nothing shows it`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${wanted} is not reached by Tab at ${page.url()}`);
}
