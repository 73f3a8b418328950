// Connects with one of the official TypeScript SDKs, lists the tools, writes a note and reads it.
// Reads from the environment; run in the folder of the packages. Prints one JSON object.
import { connected, revision } from "./connection.mjs";

const { NOTE, IDLE_SECONDS } = process.env;

await connected(async (client) => {
  const { tools } = await client.listTools();
  await new Promise((resolve) => setTimeout(resolve, Number(IDLE_SECONDS) * 1000));
  const created = await client.callTool({ name: "create_note", arguments: JSON.parse(NOTE) });
  const uid = created.structuredContent?.uid;
  const got = await client.callTool({ name: "get_note", arguments: { uid } });
  return {
    revision,
    tools: tools.map((tool) => tool.name),
    created: created.structuredContent,
    got: got.structuredContent,
  };
});
