// Uses one of the official TypeScript SDKs as a person does whose browser is the command in BROWSER: lists the
// tools and makes the CALLS. What the client must keep is in the file STATE. Reads from the
// environment; run in the folder of the packages. Prints one JSON object.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const { SDK, TRANSPORT, URL: address, STATE, BROWSER, CALLS, SCOPE } = process.env;
const require = createRequire(join(process.cwd(), "here.js"));

function load() {
  if (SDK === "2") return require("@modelcontextprotocol/client");
  const parts = ["index", "sse", "streamableHttp"];
  return Object.assign({}, ...parts.map((part) => require(`@modelcontextprotocol/sdk/client/${part}.js`)));
}

const { Client, SSEClientTransport, StreamableHTTPClientTransport } = load();
const Transport = TRANSPORT === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;

// The client's own address has another port each time.
let arrived;
const callback = createServer((request, answer) => {
  answer.end("You may close this page.");
  arrived(new URL(request.url, redirectUrl).searchParams);
}).listen(0, "127.0.0.1");
await new Promise((resolve) => callback.once("listening", resolve));
const redirectUrl = `http://127.0.0.1:${callback.address().port}/callback`;

const kept = existsSync(STATE) ? JSON.parse(readFileSync(STATE)) : {};
const keep = (name) => (value) => {
  kept[name] = value;
  writeFileSync(STATE, JSON.stringify(kept));
};
let resource = null;
const authProvider = {
  redirectUrl,
  clientMetadata: {
    redirect_uris: [redirectUrl],
    client_name: "TypeScript SDK",
    token_endpoint_auth_method: "none",
    scope: SCOPE,
  },
  clientInformation: () => kept.client,
  saveClientInformation: keep("client"),
  tokens: () => kept.tokens,
  saveTokens: keep("tokens"),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: keep("verifier"),
  invalidateCredentials: (scope) => {
    for (const name of { client: ["client"], tokens: ["tokens"], verifier: ["verifier"] }[scope] ?? Object.keys(kept)) {
      keep(name)(undefined);
    }
  },
  redirectToAuthorization: (url) => {
    resource = url.searchParams.get("resource");
    authProvider.answer = new Promise((resolve) => (arrived = resolve));
    spawn(BROWSER, [url.href], { stdio: "ignore" });
  },
};

async function connected() {
  const client = new Client({ name: "toolbridge-test", version: "1" });
  const transport = new Transport(new URL(address), { authProvider });
  try {
    await client.connect(transport);
  } catch (error) {
    if (!authProvider.answer) throw error;
    const answer = await authProvider.answer;
    authProvider.answer = undefined;
    await transport.finishAuth(SDK === "2" ? answer : answer.get("code"));
    return connected();
  }
  return client;
}

// A client that failed may still hold connections open.
try {
  const client = await connected();
  const { tools } = await client.listTools();
  const results = [];
  for (const [name, parameters] of JSON.parse(CALLS)) {
    results.push(await client.callTool({ name, arguments: parameters }));
  }
  await client.close();
  console.log(JSON.stringify({ resource, tools: tools.map((tool) => tool.name), results }));
  process.exit(0);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
}
