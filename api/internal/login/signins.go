package login

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"toolbridge/api/internal/fault"
)

// Result is how a sign-in ended, for metrics and log lines.
type Result string

// The results.
const (
	Accepted Result = "ok"
	Refused  Result = "refused" // the name or the password is wrong
	Unknown  Result = "unknown" // the link or the session is
	Weak     Result = "weak"    // the new password is too simple
	Waiting  Result = "waiting" // there were too many attempts before
	Crowded  Result = "crowded" // there are too many at once
	Failed   Result = "failed"  // for a reason of ours
)

// Results are all of them.
var Results = []Result{Accepted, Refused, Unknown, Weak, Waiting, Crowded, Failed}

var resultOf = map[fault.Code]Result{
	fault.SignInRefused: Refused, fault.LoginUnknown: Unknown, fault.WeakPassword: Weak, fault.RateLimited: Waiting,
}

// way is by what somebody signs in.
type way string

const (
	byPassword way = "password"
	byLink     way = "link"
	byChange   way = "change of the password"
)

// noted is a sign-in that is noted when it ends, whatever comes of it.
type noted struct {
	service          *Service
	ctx              context.Context
	way              way
	address          string
	began            time.Time
	account, subject string
}

func (s *Service) signInBegins(ctx context.Context, by way, address string) *noted {
	return &noted{service: s, ctx: ctx, way: by, address: network(address), began: time.Now()}
}

// of notes which account it is about. What was typed is never noted: it may be a password.
func (n *noted) of(account, subject string) { n.account, n.subject = account, subject }

func resultOfError(err error) Result {
	if err == nil {
		return Accepted
	}
	if errors.Is(err, errCrowded) {
		return Crowded
	}
	var failed *fault.Error
	if errors.As(err, &failed) && resultOf[failed.Code] != "" {
		return resultOf[failed.Code]
	}
	return Failed
}

func (n *noted) ends(err error) {
	result := resultOfError(err)
	if n.service.SignedIn != nil {
		n.service.SignedIn(result)
	}
	attrs := []slog.Attr{slog.String("result", string(result)), slog.String("by", string(n.way)), slog.String("address", n.address)}
	if n.account != "" {
		attrs = append(attrs, slog.String("account", n.account), slog.String("subject", n.service.Shown(n.subject)))
	}
	attrs = append(attrs, slog.String("correlation_id", OriginOf(n.ctx).Correlation),
		slog.Float64("ms", float64(time.Since(n.began).Microseconds())/1000))
	n.service.Log.LogAttrs(n.ctx, slog.LevelInfo, "sign-in", attrs...)
}
