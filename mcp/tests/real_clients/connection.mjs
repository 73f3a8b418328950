// A connection of one of the official TypeScript SDKs, as the environment says.
import { createRequire } from "node:module";
import { join } from "node:path";

const { SDK, TRANSPORT, URL: address, TOKEN, REVISION } = process.env;
const require = createRequire(join(process.cwd(), "here.js"));

function load() {
  if (SDK === "2") return require("@modelcontextprotocol/client");
  const parts = ["index", "sse", "streamableHttp"];
  return Object.assign({}, ...parts.map((part) => require(`@modelcontextprotocol/sdk/client/${part}.js`)));
}

// Version 1 always offers its newest revision.
function options() {
  if (SDK !== "2" || !REVISION) return {};
  if (REVISION >= "2026") return { versionNegotiation: { mode: { pin: REVISION } } };
  return { supportedProtocolVersions: [REVISION] };
}

const { Client, SSEClientTransport, StreamableHTTPClientTransport } = load();
const Transport = TRANSPORT === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
const transport = new Transport(new URL(address), { requestInit: { headers: { Authorization: `Bearer ${TOKEN}` } } });

export let revision = "";
const setRevision = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  revision = version;
  setRevision?.(version);
};

// Prints what `work` returns for the client, and ends: a client that failed may still hold connections open.
export async function connected(work) {
  try {
    const client = new Client({ name: "toolbridge-test", version: "1" }, options());
    await client.connect(transport);
    const result = await work(client);
    await client.close();
    console.log(JSON.stringify(result));
    process.exit(0);
  } catch (error) {
    console.error(`${error.name}: ${error.message}`);
    process.exit(1);
  }
}
