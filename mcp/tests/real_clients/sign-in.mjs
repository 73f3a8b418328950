// Signs in with one of the official TypeScript SDKs, as a person whose browser consents at once, and lists the
// tools. Reads from the environment; run in the folder of the packages. Prints one JSON object.
import { createRequire } from "node:module";
import { join } from "node:path";

const { SDK, TRANSPORT, URL: address } = process.env;
const require = createRequire(join(process.cwd(), "here.js"));

function load() {
  if (SDK === "2") return require("@modelcontextprotocol/client");
  const parts = ["index", "sse", "streamableHttp"];
  return Object.assign({}, ...parts.map((part) => require(`@modelcontextprotocol/sdk/client/${part}.js`)));
}

const { Client, SSEClientTransport, StreamableHTTPClientTransport } = load();
const Transport = TRANSPORT === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
const redirectUrl = "http://127.0.0.1:1/callback";
const kept = {};
const authProvider = {
  redirectUrl,
  clientMetadata: { redirect_uris: [redirectUrl], client_name: "a client", token_endpoint_auth_method: "none" },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => (kept.verifier = verifier),
  redirectToAuthorization: async (url) => {
    kept.resource = url.searchParams.get("resource");
    const answer = await fetch(url, { redirect: "manual" });
    kept.arrived = new URL(answer.headers.get("Location"));
  },
};

async function connected() {
  const client = new Client({ name: "toolbridge-test", version: "1" });
  const transport = new Transport(new URL(address), { authProvider });
  try {
    await client.connect(transport);
  } catch (error) {
    if (!kept.arrived || kept.tokens) throw error;
    await transport.finishAuth(SDK === "2" ? kept.arrived.searchParams : kept.arrived.searchParams.get("code"));
    return connected();
  }
  return client;
}

// A client that failed may still hold connections open.
try {
  const client = await connected();
  const { tools } = await client.listTools();
  const result = await client.callTool({ name: "list_notes", arguments: {} });
  await client.close();
  console.log(JSON.stringify({ resource: kept.resource, tools: tools.map((tool) => tool.name), failed: !!result.isError }));
  process.exit(0);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
}
