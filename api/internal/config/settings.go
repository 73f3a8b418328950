package config

// setting is a variable of the environment. Without a default it is unset unless
// an operator sets it.
type setting struct {
	name     string
	fallback string
	meaning  string
}

// settings is every variable that FromEnv reads, in the order of the document, but
// for those that a platform sets.
var settings = []setting{
	{"TENANT_ID", "", "The one tenant that this process serves: printable text without a colon. Required."},
	{"TENANT_HEADER_SECRET", "", "The secret with which the gateway signs its requests: at least 32 bytes. Required."},
	{"JWT_HS256_SECRET", "", "The secret with which the users' tokens are signed (HS256): at least 32 bytes. Required, unless `JWT_JWKS_URL` is set; never together with it."},
	{"JWT_JWKS_URL", "", "The key set of an identity provider, whose tokens are RS256, ES256 or EdDSA. Needs https, except on this machine, and `JWT_ISSUER` and `JWT_AUDIENCE`. Fetched every 15 minutes, and when a token names an unknown key."},
	{"JWT_ISSUER", "", "The `iss` that a token must have. Not checked when unset."},
	{"JWT_AUDIENCE", "", "The `aud` that a token must have, alone or among others; of several, separated by spaces, one is enough. Not checked when unset."},
	{"ENV", "production", "`dev`, and no other word, is development mode: a request without token may name its user in `X-Debug-Sub`. Refused with `JWT_JWKS_URL`, when `HTTP_ADDR` is not loopback, when `DATABASE_URL` names a PostgreSQL server that is not on this machine, and where `FLY_APP_NAME` or `FLY_MACHINE_ID` is set."},
	{"HTTP_ADDR", "127.0.0.1:8081", "The address to listen on, as host:port. Only the gateway should reach it."},
	{"DATABASE_URL", "sqlite://toolbridge.db", "Where everything is kept: `sqlite://` and the path of a file, taken literally, or `postgres://user:password@host:5432/name`, special characters written as %XX."},
	{"DATABASE_MAX_CONNECTIONS", "20", "Most connections to PostgreSQL at once. SQLite does not ask for it."},
	{"MAX_BODY_BYTES", "3145728", "The largest request body, and the size up to which PATCH lets an item grow. Through the gateway 4 MiB is the most."},
	{"MAX_STRING_BYTES", "2097152", "The longest string in a payload, in bytes of UTF-8. One of `MAX_BODY_BYTES` or more is no bound. Keys have at most 1024 bytes."},
	{"MAX_PUSH_ITEMS", "1000", "Most items that one sync push may bring."},
	{"IDEMPOTENCY_HOURS", "24", "How long the answer to a write with an `Idempotency-Key` is kept, in hours."},
	{"IN_BAND_SESSIONS", "true", "Whether a request may open its own session by `X-Sync-Session: new`: true or false."},
	{"RATE_LIMIT_READS", "60000:2000", "How often one user may read: requests per minute, a colon, requests at once; or off. Each process counts by itself."},
	{"RATE_LIMIT_WRITES", "30000:1000", "How often one user may write, likewise."},
	{"RATE_LIMIT_SESSIONS", "60000:2000", "How often one user may open a session by a request of its own, likewise. One opened in-band counts as its request only."},
	{"LOG_LEVEL", "info", "What is logged: debug, info, warn or error."},
}

// fallback gives the default of a variable.
func fallback(name string) string {
	for _, s := range settings {
		if s.name == name {
			return s.fallback
		}
	}
	return ""
}
