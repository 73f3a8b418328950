package postgres

import "toolbridge/api/internal/telemetry"

// What is sent to the server in one go, and the waits of the store, by the names that
// metrics and traces have. A tracer of pgx would only know the texts, which are many, and
// for statements that are sent together no times.
var (
	waitTurn, waitConn    = timed("wait for turn"), timed("wait for connection")
	runVersion, runSize   = timed("probe"), timed("measure database")
	runItem               = timed("read item")
	runState              = timed("read state")
	runItemWithState      = timed("read item with state")
	runUsage, runMostUsed = timed("read usage"), timed("find most used")
	runList, runMatches   = timed("list items"), timed("count matches")
	runMatch, runTally    = timed("match uids"), timed("tally items")
	runSearch             = timed("search items")
	runLookUp             = timed("look items up")
	runFamilies, runPick  = timed("read families"), timed("pick items")
	runLines, runNewest   = timed("read journal"), timed("read newest lines")
	runOwners, runSums    = timed("read journal owners"), timed("sum journal")
	runContents, runDue   = timed("read journal contents"), timed("find old lines")
	runCount              = timed("count items")
	runBeginInTurn        = timed("begin in turn")
	runBeginAndRead       = timed("begin and read current")
	runCurrent, runItems  = timed("read current"), timed("read items")
	runLive, runPast      = timed("read live"), timed("read past")
	runTrail, runChoose   = timed("read trail"), timed("choose items")
	runSave               = timed("save items")
	runCommit             = timed("save and commit")
	runRollback           = timed("save and roll back")
	runUndo               = timed("roll back")
	runDropTombstones     = timed("drop tombstones")
	runDropContents       = timed("drop contents")
	runDropLines, runHead = timed("drop lines"), timed("read head")
	runLogin              = timed("login")
)

func timed(name string) *telemetry.Statement { return telemetry.NewStatement("postgresql", name) }
