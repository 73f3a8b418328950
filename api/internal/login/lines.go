package login

import (
	"context"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/journal"
)

// linesOf is in the place of the uid of an item in lines about signing in. A line without
// kind and without uid would be the beginning of an epoch, as that of a wipe is.
const linesOf = "login"

// note adds a line to the journal of a subject, in the same transaction as what it says.
// The line is the subject's own, whoever has caused it: Client and Tool of the origin say
// with what.
func (s *Service) note(ctx context.Context, tx Tx, subject string, name journal.Name) error {
	origin := OriginOf(ctx)
	origin.By = subject
	owner := account.Owner{Tenant: s.Tenant, User: account.UserID(s.Tenant, subject)}
	return tx.AddLine(owner, journal.Line{
		At: Millis(s.Now()), UID: linesOf, Change: journal.Change{Name: name}, Origin: origin,
	})
}

type originKey struct{}

// WithOrigin notes in a context with what a request was sent.
func WithOrigin(ctx context.Context, origin journal.Origin) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

// OriginOf is what WithOrigin has noted; empty if nothing was.
func OriginOf(ctx context.Context) journal.Origin {
	origin, _ := ctx.Value(originKey{}).(journal.Origin)
	return origin
}
