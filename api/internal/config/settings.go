package config

// setting is a variable of the environment. An empty fallback means that there is
// no default.
type setting struct {
	name     string
	fallback string
	meaning  string
}

// settings are the variables that FromEnv reads, in the order of the document,
// except those that a platform sets.
var settings = []setting{
	{"TENANT_ID", "", "The one tenant that this process serves: printable text without a colon. Required."},
	{"TENANT_HEADER_SECRET", "", "The secret with which the gateway signs its requests: at least 32 bytes. This, `TENANT_HEADER_KEYS` or `TENANT_HEADER_KEYS_FILE` is required; they exclude each other. A request without a valid signature is refused."},
	{"TENANT_HEADER_KEYS", "", "Several such secrets, so that one can be changed while both programs run: 1 to 8 words `id:made:secret`, such as `k2:2026-01-31:` and 64 hexadecimal digits, separated by spaces or commas. The first signs, all are accepted."},
	{"TENANT_HEADER_KEYS_FILE", "", "A file with such a list, which is read again within a second of each change. Lines that begin with # are comments. While the file is wrong or gone, the known keys stay in use. Replace it by renaming another one, as a file that is written in place for longer than a quarter of a second may be read when only some of its keys are there. Nobody but its owner should be able to read it."},
	{"TENANT_SIGNATURES", "v1 v2", "The versions of the signature that are accepted: `v2` is bound to the request (RFC 9421), `v1` says the tenant and the time only. In the container and under `scripts/run.sh` the default is `v2`. The word `off` asks for no signature: every program that reaches the API can then use it with a user's token alone."},
	{"TENANT_CLAIM", "", "The claim of a token that must name `TENANT_ID`, as a text or in a list of texts. Not checked when unset. The gateway reads it, too."},
	{"LOGIN", "provider", "Where users sign in. With the word `embedded`, the API keeps accounts itself and signs tokens with keys of its own, behind routes for the gateway; a secret for tokens is then optional, and `JWT_JWKS_URL` and `TENANT_SIGNATURES=v1` are refused. With `provider` and `proxy`, tokens are those of an identity provider, or signed with `JWT_HS256_SECRET`. The API takes it from the gateway's `TOOLBRIDGE_LOGIN` if it is not set here."},
	{"JWT_HS256_SECRET", "", "The secret with which the users' tokens are signed (HS256): at least 32 bytes. This, `JWT_HS256_KEYS` or `JWT_HS256_KEYS_FILE` is required unless `JWT_JWKS_URL` is set or `LOGIN` is `embedded`; they exclude each other."},
	{"JWT_HS256_KEYS", "", "Several such secrets, in the form of `TENANT_HEADER_KEYS`. A token that one of them has signed is accepted."},
	{"JWT_HS256_KEYS_FILE", "", "A file with such a list, which is read again like `TENANT_HEADER_KEYS_FILE`."},
	{"JWT_JWKS_URL", "", "The key set of an identity provider whose tokens are RS256, ES256 or EdDSA. Needs `JWT_ISSUER` and `JWT_AUDIENCE`, and https, except on this machine. The API reads it every 15 minutes, and when a token names an unknown key."},
	{"JWT_ISSUER", "", "The `iss` that a token must have. Not checked when unset, nor of a token that the API has signed itself (`LOGIN=embedded`)."},
	{"JWT_AUDIENCE", "", "The `aud` that a token must have, alone or among others. If several are set, separated by spaces, one of them is enough. Not checked when unset, nor of a token that the API has signed itself."},
	{"SCOPE_READ", "read", "The scope that a token needs to read. The API takes this and the next three from the gateway's settings of the same name, `TOOLBRIDGE_SCOPE_READ` and so on, if they are not set here."},
	{"SCOPE_WRITE", "write", "The scope that a token needs to write. Must differ from `SCOPE_READ`."},
	{"REQUIRE_SCOPES", "false", "Whether a token without scopes may do nothing: true or false. When unset, true if `JWT_JWKS_URL` is set. A token that names scopes is always limited to them."},
	{"READ_ONLY", "false", "Whether nobody may write: true or false."},
	{"ENV", "production", "The word `dev` is development mode: a request without a token may name its user in `X-Debug-Sub`. No other word does this. Refused if `JWT_JWKS_URL` is set, if `HTTP_ADDR` is not loopback, if `DATABASE_URL` names a PostgreSQL server on another machine, or if `FLY_APP_NAME` or `FLY_MACHINE_ID` is set."},
	{"HTTP_ADDR", "127.0.0.1:8081", "The address to listen on, as host:port. Only the gateway should reach it."},
	{"DATABASE_URL", "sqlite://toolbridge.db", "The database: `sqlite://` and the path of a file, taken literally, or `postgres://user:password@host:5432/name`, with special characters written as %XX."},
	{"DATABASE_MAX_CONNECTIONS", "20", "Most connections to PostgreSQL at once. SQLite does not use it."},
	{"MAX_BODY_BYTES", "3145728", "The largest request body in bytes, and the largest size to which PATCH lets an item grow. Through the gateway the limit is 4 MiB."},
	{"MAX_STRING_BYTES", "2097152", "The longest string in a payload, in bytes of UTF-8. A value of `MAX_BODY_BYTES` or more has no effect. Keys have at most 1024 bytes."},
	{"MAX_PUSH_ITEMS", "1000", "Most items in one sync push."},
	{"QUOTA_ITEMS", "100000", "How many items one user may have, of all kinds together; or off. Above that, the response to a new item is 507 `quota_exceeded`. Deleted items count only as long as nothing else needs their place."},
	{"QUOTA_BYTES", "268435456", "How many bytes the payloads of one user's items may take together; or off. Above that, the response to a write that adds to them is 507 `quota_exceeded`."},
	{"IDEMPOTENCY_HOURS", "24", "How many hours the response to a write with an `Idempotency-Key` is kept, and at most 10,000 responses for each user."},
	{"HISTORY_DAYS", "30", "How many days the payloads that writes replaced are kept, so that they can be restored and writes undone. They count into `QUOTA_BYTES`: the oldest make way earlier when a user needs the room."},
	{"AUDIT_DAYS", "365", "How many days the lines of the journal are kept, which say who changed what. Each counts 500 bytes into `QUOTA_BYTES`; the last 1,000 of a user never make way."},
	{"IN_BAND_SESSIONS", "true", "Whether a request may open its own session with `X-Sync-Session: new`: true or false."},
	{"RATE_LIMIT_READS", "60000:2000", "How often one user may read: requests per minute, a colon, requests at once; or off. Each process counts for itself."},
	{"RATE_LIMIT_WRITES", "30000:1000", "How often one user may write, in the same form."},
	{"RATE_LIMIT_SESSIONS", "60000:2000", "How often one user may open a session with a separate request, in the same form. A session that a request opens for itself counts only as that request."},
	{"LOG_LEVEL", "info", "The lowest level that is logged: debug, info, warn or error."},
	{"LOG_FORMAT", "json", "`json`, or `text` for lines that people read. The gateway reads it, too."},
	{"LOG_SUBJECTS", "plain", "How log lines name users: `plain`, as their tokens do, or `hashed`: the first 16 hexadecimal digits of SHA-256 over the tenant, a line feed and the subject. The gateway reads it, too."},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "", "The collector to which traces are sent by OTLP, such as `http://127.0.0.1:4318`. Traces are on when this, the next one or `OTEL_TRACES_EXPORTER` is set. This and the following are standard variables of OpenTelemetry, of which its exporter reads more; empty is as good as unset. The gateway reads them, too."},
	{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "The same with the whole path, such as `http://127.0.0.1:4318/v1/traces`."},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", "", "Only `http/protobuf`, which is also meant when it is unset."},
	{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "", "The same."},
	{"OTEL_TRACES_EXPORTER", "", "`otlp`, also when unset and there is an endpoint; `console`: spans as JSON on the standard output; or `none`."},
	{"OTEL_SDK_DISABLED", "", "The word `true` switches traces off, whatever the others say."},
}

// fallback is the default of a variable.
func fallback(name string) string {
	for _, s := range settings {
		if s.name == name {
			return s.fallback
		}
	}
	return ""
}
