package login

import "context"

// Purge drops what has expired.
func (s *Service) Purge(ctx context.Context) error { return s.purge(ctx) }

// Look is a look of Keep, with what it does of itself.
func (s *Service) Look(ctx context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	return s.maintain(ctx)
}
