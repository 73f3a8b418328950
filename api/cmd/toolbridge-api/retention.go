package main

import (
	"context"
	"log/slog"
	"time"

	"toolbridge/api/internal/config"
	"toolbridge/api/internal/item"
)

// retainEvery is how often it is looked for what need not be kept any more.
const retainEvery = time.Hour

// keepRetention drops what the journals of all owners need not keep any more, at once
// and then every hour, until ctx ends.
func keepRetention(ctx context.Context, cfg config.Config, store item.Archive, log *slog.Logger) {
	every := time.NewTicker(retainEvery)
	defer every.Stop()
	for {
		dropOld(ctx, cfg, store, log)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// dropOld drops it once. A failure is logged: the next hour tries again.
func dropOld(ctx context.Context, cfg config.Config, store item.Archive, log *slog.Logger) {
	dropped, err := item.DropOld(ctx, store, item.RetentionOf(time.Now(), cfg.HistoryDays, cfg.AuditDays))
	switch {
	case err != nil && ctx.Err() == nil:
		log.Warn("the journal keeps what is too old until the next try", "error", err.Error())
	case dropped != item.Dropped{}:
		log.Info("dropped what the journal need not keep", "contents", dropped.Contents, "lines", dropped.Lines)
	}
}
