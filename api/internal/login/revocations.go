package login

import "context"

// revokeSubject takes away everything that was given out to a subject up to now: its
// connections end, and its access tokens are not accepted any more.
func (s *Service) revokeSubject(ctx context.Context, tx Tx, subject string) error {
	return nil // replaced
}
