// A certified OpenID provider on 127.0.0.1 that registers no clients. Its own pages ask who signs in, and for consent.
//
// node provider.mjs PACKAGES SETTINGS: SETTINGS is JSON. Each line on standard input is JSON that changes the settings
// `lifetime` and `refuses`, or with `revoke` ends everything that was granted. Each grant of a token is a line on
// standard output.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [packages, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const { Provider } = await import(pathToFileURL(`${packages}/node_modules/oidc-provider/lib/index.js`));

const kept = new Map();
const grants = new Map();

class Memory {
  constructor(name) {
    this.name = name;
  }

  key(id) {
    return `${this.name}:${id}`;
  }

  async upsert(id, payload) {
    kept.set(this.key(id), payload);
    if (payload.grantId) grants.set(payload.grantId, [...(grants.get(payload.grantId) ?? []), this.key(id)]);
  }

  async find(id) {
    return kept.get(this.key(id));
  }

  async findByUid(uid) {
    return [...kept].find(([key, value]) => key.startsWith(`${this.name}:`) && value.uid === uid)?.[1];
  }

  async findByUserCode() {}

  async consume(id) {
    kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    kept.delete(this.key(id));
  }

  async revokeByGrantId(id) {
    for (const key of grants.get(id) ?? []) kept.delete(key);
  }
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const ofTheApi = {
  scope: "read write",
  audience: settings.audience,
  accessTokenFormat: "jwt",
  jwt: { sign: { alg: "RS256" } },
};

const provider = new Provider(settings.issuer, {
  adapter: Memory,
  clients: [
    {
      client_id: settings.client,
      client_secret: settings.secret,
      redirect_uris: [settings.redirect],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: settings.authentication,
    },
  ],
  cookies: { keys: ["of the tests"] },
  scopes: ["openid", "offline_access", "read", "write"],
  claims: { openid: ["sub", "tenant"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, tenant: settings.tenant }) }),
  extraTokenClaims: () => ({ tenant: settings.tenant }),
  conformIdTokenClaims: false,
  issueRefreshToken: async (_, client, code) => code.scopes.has("offline_access"),
  rotateRefreshToken: true,
  ttl: {
    AccessToken: () => settings.lifetime,
    IdToken: () => settings.lifetime,
    RefreshToken: () => 86_400,
    AuthorizationCode: () => 60,
    Grant: () => 86_400,
    Session: () => 86_400,
    Interaction: () => 600,
  },
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: settings.opaque !== true,
      defaultResource: () => settings.audience,
      getResourceServerInfo: () => ofTheApi,
      useGrantedResource: () => true,
    },
  },
});

provider.on("grant.success", (ctx) => say({ grant: ctx.oidc.params.grant_type, scope: ctx.oidc.params.scope }));
provider.on("grant.error", (ctx, error) => say({ grant: ctx.oidc.params?.grant_type, error: error.error }));
provider.on("refresh_token.destroyed", () => say({ ended: "refresh_token" }));
provider.on("server_error", (_, error) => say({ fault: error.message }));

provider.use(async (ctx, next) => {
  if (settings.refuses && ctx.path === "/token") ctx.throw(503);
  await next();
});

for (const name of ["warn", "info"]) console[name] = () => {};
const server = provider.listen(settings.port, "127.0.0.1", () => say({ ready: true }));

for await (const line of createInterface({ input: process.stdin })) {
  const change = JSON.parse(line);
  if (change.revoke) {
    for (const key of kept.keys()) {
      if (/^(RefreshToken|AccessToken|Grant|Session):/.test(key)) kept.delete(key);
    }
  }
  Object.assign(settings, change);
  say({ changed: true });
}
server.close();
process.exit(0);
