// Package auth proves who is calling: the user by a JWT, the tenant by signed
// headers.
package auth

import "toolbridge/api/internal/fault"

// Caller is the proven identity behind a request.
type Caller struct {
	Tenant  string
	Subject string // the token's `sub`
}

func unauthorized(cause error) error {
	return fault.New(fault.Unauthorized, "unauthorized").Because(cause)
}
