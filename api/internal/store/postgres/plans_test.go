package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/search"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/relational"
	"toolbridge/api/internal/store/storetest"
)

// A hundred owners with a thousand items each, and as many sessions that have ended.
const manyRows = `
	INSERT INTO item (tenant, owner, kind, uid, version, created_ms, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload,
			status, archived, closed, due_ms, title, terms)
		SELECT 't', 'owner' || o, kind, 'uid' || lpad(n::text, 6, '0'), 1, n, n, n,
			CASE WHEN n % 10 = 0 THEN n END, 'note', 'uid' || n % 20, '{"title":"' || repeat('x', 200) || '"}',
			CASE n % 5 WHEN 0 THEN '' WHEN 1 THEN 'archived' ELSE 'open' END, n % 5 = 1, n % 5 = 1, NULLIF(n % 7, 0), 'x' || n % 50, '{tag:blue,tag:red}'
		FROM generate_series(1, 100) o, generate_series(1, 200) n,
			unnest(ARRAY['note', 'task', 'comment', 'chat', 'chat_message']) kind;
	INSERT INTO item_term SELECT tenant, owner, kind, term, stored_ms, uid FROM item, unnest(terms) term;
	INSERT INTO journal SELECT 't', 'owner' || o, n, n, 1, 'note', 'uid' || lpad((n % 200)::text, 6, '0'), 'updated', '[]', n / 200, n / 200 + 1, 0,
			'a', '', '', '', '', '', '', false, CASE WHEN n > 100 THEN '{"title":"' || repeat('x', 200) || '"}' END
		FROM generate_series(1, 100) o, generate_series(1, 1000) n;
	INSERT INTO search_doc SELECT tenant, owner, kind, uid, stored_ms, to_tsvector('simple', uid || ' ' || title) FROM item WHERE deleted_ms IS NULL;
	INSERT INTO usage (tenant, owner, items, bytes, deleted_items, deleted_bytes) SELECT 't', 'owner' || o, 1, 1, 1, 1 FROM generate_series(1, 10000) o;
	INSERT INTO account SELECT 't', 'owner' || o, 1, 1, 0, 0, '' FROM generate_series(1, 10000) o;
	INSERT INTO ended_session SELECT 't', 'session' || n, n FROM generate_series(1, 10000) n;
	INSERT INTO idempotency (tenant, owner, key, request, status, body, expires_ms) SELECT 't', 'owner' || n % 100, 'key' || n, 'r', 200, '{}', n FROM generate_series(1, 10000) n;
	ANALYZE idempotency; ANALYZE item; ANALYZE item_term; ANALYZE account; ANALYZE ended_session; ANALYZE journal; ANALYZE search_doc; ANALYZE usage`

func TestPlansOfADatabaseWithManyRows(t *testing.T) {
	server := postgrestest.New(t)
	openStore(t, server)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	if _, err := conn.PgConn().Exec(t.Context(), manyRows).ReadAll(); err != nil {
		t.Fatal(err)
	}
	t.Run("the hot statements neither scan nor sort", func(t *testing.T) { hotStatements(t, conn) })
	t.Run("a write is planned once", func(t *testing.T) { writesArePlannedOnce(t, server) })
	t.Run("the statements of the journal neither scan nor sort", func(t *testing.T) { journalStatements(t, conn) })
	t.Run("every list walks an index from its cursor on", func(t *testing.T) { listStatements(t, conn) })
	t.Run("a search finds texts by their words", func(t *testing.T) { searchStatements(t, conn) })
	t.Run("what indexes serve is neither scanned nor sorted", func(t *testing.T) { served(t, conn) })
}

func hotStatements(t *testing.T, conn *pgx.Conn) {
	const key = `'t', 'owner7', 'note', 'uid000100'`
	const line = `, 1001, 5, 1, 'note', 'uid000100', 'updated', '[]', 1, 2, 0, 'a', '', '', '', '', '', '', false`
	for _, row := range []struct{ name, text, arguments, uses string }{
		{"item", sqlItem, key, "item_pkey"},
		{"current", sqlCurrent, key + `, 150, 'note', 'uid000007', 'k', 5`, "journal_by_time"},
		{"current of many", sqlCurrentOfMany, `'t', 'owner7', '{note,task,note,note}', '{uid000100,uid000007,uid000070,other}', 150, '', '', NULL, 5`, "journal_pkey"},
		{"turn and current", sqlTurnAndCurrent, key + `, 150, 'note', 'uid000007', 'k', 5`, "item_pkey"},
		{"turn and current of many", sqlTurnAndCurrentOfMany, `'t', 'owner7', '{note,task}', '{uid000100,uid000007}', 150, '', '', NULL, 5`, "item_pkey"},
		{"items of many", sqlItems, `'t', 'owner7', '{note,task,note,note}', '{uid000100,uid000007,uid000070,other}'`, "item_pkey"},
		{"look up by uid", sqlLookups, `'t', 'owner7', '{0,1}', '{note,task}', '{uid0001,uid000007}', NULL, NULL, NULL, 101`, "item_pkey"},
		{"look up by title", sqlLookups, someTitles, "item_by_title"},
		{"pick", sqlPick, `'t', 'owner7', '{0,1}', '{note,task}', '{uid000100,uid000007}', '{10,1000}'`, "item_pkey"},
		{"past", sqlPast, key + `, 2, 1`, "journal_by_item"},
		{"head", sqlHead, `'t', 'owner7', 150, 10`, "journal_with_content"},
		{"live", sqlLive, key, "item"},
		{"turn", sqlTurn, `'t', 'owner7'`, "account_pkey"},
		{"save", numbered(sqlSaveItem, keyArguments), key + `, 2, 5, 500, 500, NULL, '', '', 'open', false, false, NULL, '', '{tag:red}', '{}', '{}'`, "item_pkey"},
		{"line", numbered(sqlAddLine+sqlReplaced+")", keyArguments), key + line, "item_pkey"},
		{"first line", numbered(sqlAddLine+"NULL)", ownerArguments), `'t', 'owner7'` + line, "Insert"},
		{"put words", numbered(sqlPutWords, keyArguments), key + `, 5, 'a b'`, "search_doc_pkey"},
		{"drop words", sqlDropWords, key, "search_doc_pkey"},
		{"add terms", numbered(sqlAddTerms, keyArguments), key + `, 5, '{tag:blue,tag:red}'`, "item_term"},
		{"move terms", numbered(sqlMoveTerms, keyArguments), key + `, 500, 100, '{tag:blue,tag:red}'`, "item_term_pkey"},
		{"remove terms", numbered(sqlRemoveTerms, keyArguments), key + `, 100, '{tag:blue,tag:red}'`, "item_term_pkey"},
		{"add usage", numbered(sqlAddUsage, ownerArguments), `'t', 'owner7', 1, 2, 3, 4, 5, 6`, "Insert"},
		{"drop tombstones", sqlDropTombstones, `'t', 'owner7', 100, 10`, "item_deleted_by_time"},
		{"keep answer", numbered(sqlKeepAnswer, ownerArguments), `'t', 'owner7', 'k', 'r', 200, 'u', 1, '{}', 5`, "Insert"},
		{"drop surplus", numbered(sqlDropSurplus, ownerArguments), `'t', 'owner7', 'k', 50`, "idempotency_by_owner"},
		{"purge answers", numbered(sqlPurgeAnswers, ownerArguments), `'t', 'owner7', 'k', 5`, "idempotency_by_expiry"},
		{"state", sqlState, `'t', 'owner7', 'session9'`, "account_pkey"},
		{"purge", sqlPurgeEnded, `5`, "ended_session_by_expiry"},
		{"raise", numbered(sqlRaiseEpoch, ownerArguments), `'t', 'owner7', 5, 5`, "account_pkey"},
		{"only the journal", sqlOnlyJournal, `'t', 'owner7'`, "Insert"},
		{"delete", sqlDeleteOwners, `'t', 'owner7'`, "search_doc_pkey"},
		{"forget the oldest", sqlForgetOldest, `'t', 'owner7', 10`, "journal_with_content"},
		{"forget", sqlForgetContent, `'t', 'owner7'`, "journal"},
	} {
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			t.Run(row.name+" "+mode, func(t *testing.T) {
				plan := explain(t, conn, mode, row.text, row.arguments)
				for _, bad := range []string{"Seq Scan", "Sort"} {
					if strings.Contains(plan, bad) {
						t.Errorf("plan has %q:\n%s", bad, plan)
					}
				}
				if !strings.Contains(plan, row.uses) {
					t.Errorf("plan does not use %s:\n%s", row.uses, plan)
				}
			})
		}
	}
}

// explain returns the plan of a prepared statement; all our statements are prepared.
func explain(t *testing.T, conn *pgx.Conn, mode, text, arguments string) string {
	t.Helper()
	for _, setting := range []string{`SET plan_cache_mode = ` + mode, `DEALLOCATE ALL`, `PREPARE hot AS ` + text} {
		if _, err := conn.PgConn().Exec(t.Context(), setting).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	results, err := conn.PgConn().Exec(t.Context(), `EXPLAIN (COSTS OFF) EXECUTE hot (`+arguments+`)`).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for _, line := range results[0].Rows {
		plan.Write(line[0])
		plan.WriteByte('\n')
	}
	return plan.String()
}

// listings is every combination of filter, order and tombstones.
func listings() (queries []item.Query) {
	archived, since := true, item.Millis(50)
	for bits := range 1 << 8 {
		q := item.Query{Owner: account.Owner{Tenant: "t", User: "owner7"}, Kind: "comment", Limit: 20, MaxBytes: 1 << 20,
			After: &item.Cursor{At: 100, UID: "uid000100"}}
		for bit, apply := range []func(){
			func() { q.Filter.Parent = item.Parent{Kind: "note", UID: "uid1"} },
			func() { q.Filter.Status = []string{"open"} },
			func() { q.Filter.Archived = &archived },
			func() { q.Filter.Tags = []string{"red"} },
			func() { q.Filter.Since = &since },
			func() { q.Descending = true },
			func() { q.IncludeDeleted = true },
			func() { q.Filter.Parent.Kind = "" },
		} {
			if bits&(1<<bit) != 0 {
				apply()
			}
		}
		queries = append(queries, q)
	}
	return queries
}

func listStatements(t *testing.T, conn *pgx.Conn) {
	for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
		for _, query := range listings() {
			text, arguments := listStatement(query)
			plan := explain(t, conn, mode, text, literals(arguments))
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") || !strings.Contains(plan, "(ROW(") {
				t.Errorf("%s %+v\n%s\n%s", mode, query.Filter, text, plan)
			}
		}
	}
}

// served checks the lists that indexes serve, and what is counted of them. Only what
// several walks find is sorted.
func served(t *testing.T, conn *pgx.Conn) {
	owner := account.Owner{Tenant: "t", User: "owner7"}
	check := func(name, mode, text string, arguments []any, sorts bool) {
		t.Helper()
		plan := explain(t, conn, mode, numbered(text, 0), literals(arguments))
		if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Bitmap") || !sorts && strings.Contains(plan, "Sort") {
			t.Errorf("%s %s\n%s\n%s", mode, name, text, plan)
		}
	}
	for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
		for _, row := range storetest.IndexedQueries(owner) {
			for _, row.Query.Summaries = range []bool{false, true} {
				text, arguments := listStatement(row.Query)
				check(row.Name, mode, text, arguments, row.Walks > 1)
			}
			text, arguments := dialect.Count(row.Query)
			check("count: "+row.Name, mode, text, arguments, row.Walks > 1)
			walksAlong(t, conn, mode, row)
		}
		text, arguments := dialect.Tally(owner, []entity.Kind{"note", "task"}, 9)
		check("count by state", mode, text, arguments, false)
		text, arguments = dialect.Match(owner, []entity.Kind{"note"}, "uid0000", 6)
		check("short uids", mode, text, arguments, true)
		if plan := explain(t, conn, mode, sqlFamilies, someFamilies); strings.Contains(plan, "Seq Scan") || strings.Count(plan, "item_by_parent") != 2 {
			t.Errorf("children %s\n%s", mode, plan)
		}
	}
}

// Arguments of a look-up by title, and of some families.
const (
	someTitles   = `'t', 'owner7', NULL, NULL, NULL, '{0,1}', '{note,task}', '{x7,x8}', 101`
	someFamilies = `'t', 'owner7', '{0,1}', '{comment,chat_message}', '{note,chat}', '{uid7,uid8}', 50, 1001, 1000`
)

// walksAlong checks that a page walks along the indexes that are meant for it.
func walksAlong(t *testing.T, conn *pgx.Conn, mode string, row storetest.Indexed) {
	t.Helper()
	text, arguments := listStatement(row.Query)
	plan := explain(t, conn, mode, text, literals(arguments))
	for _, w := range dialect.Walks(row.Query) {
		index := w.Index
		if w.Place == "g" {
			index = "item_term_pkey"
		}
		if !strings.Contains(plan, index) {
			t.Errorf("%s %s: does not use %s\n%s\n%s", mode, row.Name, index, text, plan)
		}
	}
}

// TestListsBeforeThereAreStatistics: of a new table, a server knows nothing yet. It then
// looks for what is archived among all live items.
func TestListsBeforeThereAreStatistics(t *testing.T) {
	server := postgrestest.New(t)
	openStore(t, server)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	rows, _, _ := strings.Cut(manyRows, "INSERT INTO journal")
	if _, err := conn.PgConn().Exec(t.Context(), `ALTER TABLE item SET (autovacuum_enabled = false); ALTER TABLE item_term SET (autovacuum_enabled = false);`+rows).ReadAll(); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
		for _, row := range storetest.IndexedQueries(account.Owner{Tenant: "t", User: "owner7"}) {
			if row.Query.Filter.Archived == nil {
				walksAlong(t, conn, mode, row)
			}
		}
		if plan := explain(t, conn, mode, sqlLookups, someTitles); !strings.Contains(plan, "item_by_title") || !strings.Contains(plan, "item_pkey") {
			t.Errorf("items by name %s\n%s", mode, plan)
		}
		if plan := explain(t, conn, mode, sqlFamilies, someFamilies); strings.Count(plan, "item_by_parent") != 2 {
			t.Errorf("children %s\n%s", mode, plan)
		}
	}
}

func literals(arguments []any) string {
	texts := make([]string, len(arguments))
	for i, value := range arguments {
		if list, ok := value.([]string); ok {
			value = "{" + strings.Join(list, ",") + "}"
		}
		texts[i] = "'" + strings.ReplaceAll(fmt.Sprint(value), "'", "''") + "'"
	}
	return strings.Join(texts, ", ")
}

// writesArePlannedOnce makes writes of every sort again and again. A server plans a
// statement anew for the first five values, and after that only when it expects to win.
func writesArePlannedOnce(t *testing.T, server string) {
	store, err := Open(t.Context(), server, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const rounds, first = 20, 5
	for n := range rounds {
		for version, terms := range [][]string{{"tag:a", "tag:b"}, {"tag:a", "tag:b"}, {"tag:c"}, nil, {"tag:c"}} {
			once := &item.Once{Key: fmt.Sprint(n, version), Keep: time.Hour, Answer: func(*item.Item) item.Answer { return item.Answer{} }}
			w := writing("owner7", fmt.Sprint("new", n))
			w.Once = once
			err := w.Decide(t.Context(), store, func(seen item.Snapshot) (*item.Item, error) {
				return &item.Item{UID: w.UID, Version: int64(version + 1), StoredAt: seen.NextStoredAt(), Payload: []byte(`{}`),
					Text: &item.Text{Title: "a"}, Facets: item.Facets{Terms: terms}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	rows, err := store.pool.Query(t.Context(), `SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE 'WITH%'`)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	var anew, planned int64
	seen, err := pgx.ForEachRow(rows, []any{&text, &anew, &planned}, func() error {
		if anew+planned >= rounds && anew > first {
			t.Errorf("planned %d times of %d: %s", anew, anew+planned, text)
		}
		return nil
	})
	if err != nil || seen.RowsAffected() < 5 {
		t.Errorf("%d statements, %v", seen.RowsAffected(), err)
	}
}

func journalStatements(t *testing.T, conn *pgx.Conn) {
	owner := account.Owner{Tenant: "t", User: "owner7"}
	ref := item.Ref{Owner: owner, Kind: "note", UID: "uid1"}
	const tenant, user = "t", "owner7"
	type row struct {
		text      string
		arguments []any
	}
	rows := map[string]row{
		"trail":         {sqlTrail, relational.TrailArguments(ref, 1, item.TrailQuery{From: 7, Limit: 2, Payloads: true})},
		"newest trail":  {sqlNewestTrail, relational.TrailArguments(ref, 1, item.TrailQuery{Limit: 2})},
		"owners":        {sqlOwners, []any{tenant, user}},
		"contents":      {sqlContents, []any{tenant, user, 7, 100}},
		"newest":        {sqlNewest, []any{tenant, 20}},
		"due":           {sqlDue, []any{tenant, user, 5, tenant, user, 5, tenant, user}},
		"drop contents": {sqlDropContents, []any{tenant, user, 100, 5, 9}},
		"drop lines":    {sqlDropLines, append([]any{tenant, user}, relational.OldestLinesArguments(owner, 100, 5, 1)...)},
	}
	for name, query := range storetest.LineQueries(owner) {
		text, arguments := relational.LinesStatement(query)
		rows[name] = row{numbered(text, 0), arguments}
	}
	for name, row := range rows {
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			plan := explain(t, conn, mode, row.text, literals(row.arguments))
			for _, bad := range []string{"Seq Scan", "Sort"} {
				if strings.Contains(plan, bad) {
					t.Errorf("%s, %s: plan has %q:\n%s", name, mode, bad, plan)
				}
			}
		}
	}
}

func searchStatements(t *testing.T, conn *pgx.Conn) {
	archived := true
	for _, filter := range []item.Filter{{}, {Archived: &archived, Tags: []string{"red"}}} {
		m := item.Matching{
			Search: item.Search{Owner: account.Owner{Tenant: "t", User: "owner7"}, Filter: filter, Limit: 10},
			Tiers:  []search.Tier{{TSQuery: "'uid000100'"}, {TSQuery: "'uid000101':*"}, {TSQuery: "('x7' & !'x8')"}},
		}
		text, arguments := searchStatement(m)
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			plan := explain(t, conn, mode, text, literals(arguments))
			if strings.Contains(plan, "Seq Scan") || strings.Count(plan, "Bitmap Index Scan on search_doc_by_terms") != len(m.Tiers) {
				t.Errorf("%s: %s", mode, plan)
			}
			if strings.Count(plan, "One-Time Filter") != len(m.Tiers)-1 {
				t.Errorf("a tier is read although there are enough rows before it: %s", plan)
			}
		}
	}
}
