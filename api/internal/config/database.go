package config

import "errors"

// DatabaseOnly reads where the database is, for a caller that needs no secrets.
func DatabaseOnly(lookup Lookup) (Database, error) {
	env := reader{lookup: lookup}
	found := parsed(&env, "DATABASE_URL", database)
	found.MaxConnections = int(parsed(&env, "DATABASE_MAX_CONNECTIONS", wholeNumber))
	return found, errors.Join(errors.Join(env.problems...), checkConnections(found.MaxConnections))
}
