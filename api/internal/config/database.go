package config

import "errors"

// DatabaseOnly reads the settings of the database, for commands that need no
// secrets.
func DatabaseOnly(lookup Lookup) (Database, error) {
	env := reader{lookup: lookup}
	found := parsed(&env, "DATABASE_URL", database)
	found.MaxConnections = int(parsed(&env, "DATABASE_MAX_CONNECTIONS", wholeNumber))
	return found, errors.Join(errors.Join(env.problems...), checkConnections(found.MaxConnections))
}
