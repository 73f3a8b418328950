package keyring

import "log/slog"

// Look is a look of Keep.
func (r *Ring) Look(log *slog.Logger) { r.look(log) }

// Equal reports whether two keys are the same.
func (k Key) Equal(other Key) bool { return k.equal(other) }
