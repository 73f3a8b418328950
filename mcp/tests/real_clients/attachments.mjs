// Connects with one of the official TypeScript SDKs, and uses every resource, template, completion and prompt.
// Reads from the environment; run in the folder of the packages. Prints one JSON object.
import { connected } from "./connection.mjs";

const { UIDS, ARGUMENTS } = process.env;
const textOf = ({ contents }) => contents.map((content) => content.text).join("\n");

async function completedUid(client, uriTemplate, value) {
  const ref = { type: "ref/resource", uri: uriTemplate };
  const { completion } = await client.complete({ ref, argument: { name: "uid", value } });
  return completion.values;
}

async function completedArgument(client, prompt, name, value) {
  const ref = { type: "ref/prompt", name: prompt };
  const { completion } = await client.complete({ ref, argument: { name, value } });
  return completion.values;
}

async function work(client) {
  const uids = JSON.parse(UIDS);
  const given = JSON.parse(ARGUMENTS);
  const lists = {}, items = {}, completions = {}, prompts = {};
  for (const { uri } of (await client.listResources()).resources) lists[uri] = textOf(await client.readResource({ uri }));
  for (const { name, uriTemplate } of (await client.listResourceTemplates()).resourceTemplates) {
    completions[name] = await completedUid(client, uriTemplate, "attached");
    items[name] = textOf(await client.readResource({ uri: uriTemplate.replace("{uid}", uids[name]) }));
  }
  for (const { name, arguments: declared } of (await client.listPrompts()).prompts) {
    const args = {};
    for (const { name: argument } of declared ?? [])
      [args[argument]] = await completedArgument(client, name, argument, given[argument]);
    const { messages } = await client.getPrompt({ name, arguments: args });
    prompts[name] = messages.map((message) => message.content.text).join("\n");
  }
  return { capabilities: client.getServerCapabilities(), lists, items, completions, prompts };
}

await connected(work);
