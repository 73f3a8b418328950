// Drives the Inspector's web interface with headless Chromium. By hand, since it needs a browser:
//
//   npm install --prefix FOLDER @modelcontextprotocol/inspector playwright-core
//   cd FOLDER && GATEWAY=http://127.0.0.1:8001 TOKEN=$(.../scripts/token.sh) CHROMIUM=/usr/bin/chromium \
//     node .../mcp/tests/real_clients/inspector-web.mjs
//
// It connects over both transports, lists the tools, writes a note and reads it, and is refused with a
// wrong token. Then a page of this machine calls the gateway itself, without the Inspector's proxy.
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { GATEWAY, TOKEN, CHROMIUM } = process.env;
const require = createRequire(join(process.cwd(), "here.js"));
const { chromium } = require("playwright-core");
const launcher = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";
const home = mkdtempSync(join(tmpdir(), "inspector-"));

const entry = (type, path, token) => ({
  type,
  url: `${GATEWAY}${path}`,
  headers: { Authorization: `Bearer ${token}` },
});
const mcpServers = {
  SSE: entry("sse", "/sse", TOKEN),
  "Streamable HTTP": entry("streamable-http", "/mcp", TOKEN),
  "SSE, wrong token": entry("sse", "/sse", `${TOKEN}x`),
  "Streamable HTTP, wrong token": entry("streamable-http", "/mcp", `${TOKEN}x`),
};

function startInspector() {
  const config = join(home, "servers.json");
  writeFileSync(config, JSON.stringify({ mcpServers }));
  const inspector = spawn(process.execPath, [launcher, "--web", "--config", config], {
    env: { ...process.env, HOME: home, MCP_AUTO_OPEN_ENABLED: "false" },
  });
  return new Promise((resolve) => {
    inspector.stdout.on("data", (data) => {
      const address = /http:\S+API_TOKEN=\S+/.exec(String(data));
      if (address) resolve({ inspector, address: address[0] });
    });
  });
}

async function connect(page, name) {
  await page.getByRole("switch", { name: `Connect or disconnect "${name}"` }).click({ force: true });
}

async function execute(page, tool, fields) {
  await page.getByText(tool, { exact: true }).click();
  for (const [label, value] of Object.entries(fields)) {
    await page.getByLabel(label).first().fill(value);
  }
  await page.getByRole("button", { name: "Execute Tool" }).click();
}

async function worksOver(page, name) {
  await connect(page, name);
  await page.getByText("Tools", { exact: true }).first().click();
  const tools = page.getByText(/^Tools \(\d+\)$/);
  await tools.waitFor();
  const count = (await tools.innerText()).toLowerCase();
  const title = `Written over ${name}`;
  await execute(page, "create_note", { title, content: "Text" });
  await page.getByText(/"version":\s*1/).first().waitFor();
  const uid = /"uid":\s*"([0-9a-f-]{36})"/.exec(await page.locator("body").innerText())[1];
  await execute(page, "get_note", { uid });
  await page.getByText(title).first().waitFor();
  console.log(`ok   Inspector's web interface over ${name} (${count}, a note written and read)`);
}

async function isRefusedOver(page, name) {
  const failed = page.getByText("Failed", { exact: true });
  if ((await failed.count()) > 0) throw new Error("the page speaks of a failure before there was one");
  await connect(page, name);
  await failed.waitFor();
  console.log(`ok   Inspector's web interface over ${name}: refused`);
}

async function pageCallsGateway(page) {
  const empty = createServer((_, answer) => answer.end("<!doctype html>")).listen(0, "127.0.0.1");
  await new Promise((resolve) => empty.once("listening", resolve));
  await page.goto(`http://127.0.0.1:${empty.address().port}`);
  const seen = await page.evaluate(
    async ([gateway, token]) => {
      const headers = {
        Authorization: `Bearer ${token}`,
        Accept: "application/json, text/event-stream",
        "Content-Type": "application/json",
      };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "page", version: "1" } };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
      const opened = await fetch(`${gateway}/mcp`, { method: "POST", headers, body });
      const refused = await fetch(`${gateway}/mcp`, { method: "POST", headers: { ...headers, Authorization: "x" }, body });
      const stream = await fetch(`${gateway}/sse`, { headers });
      const { value } = await stream.body.getReader().read();
      return {
        session: Boolean(opened.headers.get("Mcp-Session-Id")),
        challenge: refused.headers.get("WWW-Authenticate"),
        event: new TextDecoder().decode(value).split("\r\n")[0],
      };
    },
    [GATEWAY, TOKEN],
  );
  empty.close();
  if (!seen.session || !seen.challenge?.startsWith("Bearer") || seen.event !== "event: endpoint") {
    throw new Error(`a page sees ${JSON.stringify(seen)}`);
  }
  console.log("ok   a page of this machine without a proxy (session, challenge and stream can be read)");
}

const { inspector, address } = await startInspector();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
try {
  for (const name of Object.keys(mcpServers)) {
    const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
    page.setDefaultTimeout(20_000);
    await page.goto(address);
    try {
      await (name.endsWith("wrong token") ? isRefusedOver : worksOver)(page, name);
    } catch (error) {
      await page.screenshot({ path: join(home, "failed.png") });
      console.log(`FAIL ${name}: ${error.message} (${home}/failed.png)`);
      process.exitCode = 1;
    }
    await page.close();
  }
  await pageCallsGateway(await browser.newPage());
} finally {
  await browser.close();
  inspector.kill();
}
