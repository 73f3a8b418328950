// Signs in with the Inspector's web interface in a real browser, lists the tools and writes a note.
// Usage: node inspector-web.mjs PACKAGES CHROMIUM JSON; the JSON has `launcher`, `home`, `port`, `servers` (addresses
// by transport), `name`, `password` and `title`. Prints for each transport the count of tools, or what went wrong.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../../operator/browser/browser.mjs';

const [packages, chromium, given] = process.argv.slice(2);
const { launcher, home, servers, name, password, title, port } = JSON.parse(given);

async function inspector() {
  const config = join(home, 'servers.json');
  const mcpServers = Object.fromEntries(Object.entries(servers).map(([type, url]) => [type, { type, url }]));
  writeFileSync(config, JSON.stringify({ mcpServers }));
  const env = { ...process.env, HOME: home, MCP_AUTO_OPEN_ENABLED: 'false', CLIENT_PORT: String(port) };
  const running = spawn(process.execPath, [launcher, '--web', '--config', config], { env });
  const address = await new Promise((resolve) => {
    running.stdout.on('data', (data) => {
      const found = /http:\S+API_TOKEN=\S+/.exec(String(data));
      if (found) resolve(found[0]);
    });
  });
  return { running, address };
}

async function use(page, type) {
  await page.getByRole('switch', { name: `Connect or disconnect "${type}"` }).click({ force: true });
  await page.waitForSelector('#password');
  await page.fill('#name', name);
  await page.fill('#password', password);
  await page.click('button:has-text("Sign in")');
  await page.click('button[value=allow]');
  await page.getByText('Tools', { exact: true }).first().click();
  const tools = page.getByText(/^Tools \(\d+\)$/);
  await tools.waitFor();
  await page.getByText('create_note', { exact: true }).click();
  await page.getByLabel('title').first().fill(title);
  await page.getByLabel('content').first().fill('Text');
  await page.getByRole('button', { name: 'Execute Tool' }).click();
  await page.getByText(/"version":\s*1/).first().waitFor();
  return await tools.innerText();
}

const { running, address } = await inspector();
const browser = await launch(packages, chromium);
const came = {};
for (const type of Object.keys(servers)) {
  const page = await (await browser.newContext({ viewport: { width: 1500, height: 1000 } })).newPage();
  page.setDefaultTimeout(30_000);
  try {
    await page.goto(address);
    came[type] = await use(page, type);
  } catch (error) {
    await page.screenshot({ path: join(home, `${type}.png`) });
    came[type] = `${error.message} (${home}/${type}.png)`;
  }
  await page.close();
}
await browser.close();
running.kill();
process.stdout.write(JSON.stringify(came));
