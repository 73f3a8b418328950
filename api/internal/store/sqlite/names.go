package sqlite

import "toolbridge/api/internal/telemetry"

// The statements and waits of the store, by the names that metrics and traces have.
var (
	runBegin, runCommit   = timed("begin"), timed("commit")
	waitTurn, waitReader  = timed("wait for turn"), timed("wait for connection")
	runVersion            = timed("probe")
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
	runCurrent            = timed("read current")
	runLive, runPast      = timed("read live"), timed("read past")
	runTrail, runChoose   = timed("read trail"), timed("choose items")
	runSave, runIndex     = timed("save item"), timed("index texts")
	runKeepAnswer         = timed("keep answer")
	runDropAnswers        = timed("drop answers")
	runDropTombstones     = timed("drop tombstones")
	runDropContents       = timed("drop contents")
	runDropLines          = timed("drop lines")
	runPurge, runEnd      = timed("drop ended sessions"), timed("end session")
	runDeleteAll, runRest = timed("delete all"), timed("delete some")
	runRaise              = timed("raise epoch")
	runLogin              = timed("login")
)

func timed(name string) *telemetry.Statement { return telemetry.NewStatement("sqlite", name) }
