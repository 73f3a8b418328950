package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"toolbridge/api/internal/config"
)

// machinesTimeout is how long a start waits for the list of machines.
const machinesTimeout = 2 * time.Second

// checkAlone refuses to serve a SQLite file while the app has another started
// machine on Fly.io. That machine has its own volume and database, and calls would
// reach either of the two.
//
// Fly.io lists the started machines in a TXT record, as "id region" separated by
// commas (fly.io/docs/networking/private-networking). Without a response the start
// continues: a tenant with a single machine must come up while DNS is down. The
// machine that starts later sees the other one. So the older machine may go on
// serving, until its next start is refused, too.
func checkAlone(ctx context.Context, database config.Database, lookup config.Lookup, dns *net.Resolver, log *slog.Logger) error {
	app, named := lookup("FLY_APP_NAME")
	own, numbered := lookup("FLY_MACHINE_ID")
	if database.URL != "" || !named || !numbered {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, machinesTimeout)
	defer cancel()
	records, err := dns.LookupTXT(ctx, "vms."+app+".internal.")
	if err != nil {
		log.Warn("whether this is the only machine cannot be told; SQLite allows no other", "error", err.Error())
		return nil
	}
	return refuseOthers(strings.Join(records, ","), app, own)
}

func refuseOthers(machines, app, own string) error {
	for machine := range strings.SplitSeq(machines, ",") {
		id, _, _ := strings.Cut(strings.TrimSpace(machine), " ")
		if id != "" && id != own {
			return fmt.Errorf("DATABASE_URL is a SQLite file, which belongs to one machine, and machine %s of %s runs, too; "+
				"keep the machine whose volume has the data and destroy the other (`flyctl machine destroy --app %s`), or move to PostgreSQL", id, app, app)
		}
	}
	return nil
}
