package migration

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAReportIsASentence(t *testing.T) {
	for want, report := range map[string]Report{
		"the database is being migrated":                           {},
		"the database is being migrated: 0 % of 7 indexes":         {What: "indexes", Total: 7},
		"the database is being migrated: 37 % of 1,000,000 items":  {What: "items", Done: 379_999, Total: 1_000_000},
		"the database is being migrated: 99 % of 12,345,678 items": {What: "items", Done: 12_345_677, Total: 12_345_678},
		"the database is being migrated: 100 % of 999 items":       {What: "items", Done: 1_000, Total: 999},
	} {
		if got := report.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestProgressIsSaidWhenAStepBeginsAndEveryNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Progress{}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var said []string
		go p.Watch(ctx, 10*time.Second, func(r Report) { said = append(said, r.String()) })
		time.Sleep(25 * time.Second) // nothing to say
		p.Set("items", 0, 10)
		synctest.Wait()
		time.Sleep(time.Second) // never at the moment of a report
		for done := range int64(10) {
			time.Sleep(2 * time.Second)
			p.Set("items", done+1, 10)
		}
		synctest.Wait()
		if report, running := p.Report(); !running || report.Rate != 10.0/21 {
			t.Errorf("%+v, %v", report, running)
		}
		p.Set("indexes", 0, 3)
		synctest.Wait()
		stop()
		synctest.Wait()
		p.Set("journals", 0, 1)
		want := []string{
			"the database is being migrated: 0 % of 10 items", "the database is being migrated: 40 % of 10 items",
			"the database is being migrated: 90 % of 10 items", "the database is being migrated: 0 % of 3 indexes",
		}
		if !slices.Equal(said, want) {
			t.Errorf("said %q", said)
		}
	})
}

func TestWithoutAWatchNothingIsKept(t *testing.T) {
	var p *Progress
	p.Set("items", 1, 2)
	if report, running := p.Report(); running || report != (Report{}) {
		t.Errorf("%+v, %v", report, running)
	}
}
