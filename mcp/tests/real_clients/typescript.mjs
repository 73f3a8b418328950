// Connects with one of the official TypeScript SDKs, lists the tools, writes a note and reads it.
// Reads from the environment; run in the folder of the packages. Prints one JSON object.
import { createRequire } from "node:module";
import { join } from "node:path";

const { SDK, TRANSPORT, URL: address, TOKEN, REVISION, NOTE, IDLE_SECONDS } = process.env;
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
const client = new Client({ name: "toolbridge-test", version: "1" }, options());

let revision = "";
const setRevision = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  revision = version;
  setRevision?.(version);
};

async function work() {
  await client.connect(transport);
  const { tools } = await client.listTools();
  await new Promise((resolve) => setTimeout(resolve, Number(IDLE_SECONDS) * 1000));
  const created = await client.callTool({ name: "create_note", arguments: JSON.parse(NOTE) });
  const uid = created.structuredContent?.uid;
  const got = await client.callTool({ name: "get_note", arguments: { uid } });
  await client.close();
  return {
    revision,
    tools: tools.map((tool) => tool.name),
    created: created.structuredContent,
    got: got.structuredContent,
  };
}

// A client that failed may still hold connections open.
try {
  console.log(JSON.stringify(await work()));
  process.exit(0);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
}
