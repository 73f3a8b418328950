package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/postgres/postgrestest"
)

// A hundred owners with a thousand items each, and as many sessions that have ended.
const manyRows = `
	INSERT INTO item SELECT 't', 'owner' || o, kind, 'uid' || lpad(n::text, 6, '0'), 1, n, n,
			CASE WHEN n % 10 = 0 THEN n END, 'note', 'uid' || n % 20, '{"title":"' || repeat('x', 200) || '"}',
			CASE n % 5 WHEN 0 THEN '' WHEN 1 THEN 'archived' ELSE 'open' END, n % 5 = 1, '{blue,red}'
		FROM generate_series(1, 100) o, generate_series(1, 200) n,
			unnest(ARRAY['note', 'task', 'comment', 'chat', 'chat_message']) kind;
	INSERT INTO item_tag SELECT tenant, owner, kind, tag, stored_ms, uid FROM item, unnest(tags) tag;
	INSERT INTO account SELECT 't', 'owner' || o, 1, 1, 0, 0, '' FROM generate_series(1, 10000) o;
	INSERT INTO ended_session SELECT 't', 'session' || n, n FROM generate_series(1, 10000) n;
	INSERT INTO idempotency (tenant, owner, key, request, status, body, expires_ms) SELECT 't', 'owner' || n % 100, 'key' || n, 'r', 200, '{}', n FROM generate_series(1, 10000) n;
	ANALYZE idempotency; ANALYZE item; ANALYZE item_tag; ANALYZE account; ANALYZE ended_session`

func TestPlansOfADatabaseWithManyRows(t *testing.T) {
	server := postgrestest.New(t)
	openStore(t, server)
	conn := postgrestest.Connect(t, server)
	defer conn.Close(context.Background())
	if _, err := conn.PgConn().Exec(t.Context(), manyRows).ReadAll(); err != nil {
		t.Fatal(err)
	}
	t.Run("the hot statements neither scan nor sort", func(t *testing.T) { hotStatements(t, conn) })
	t.Run("every list walks an index from its cursor on", func(t *testing.T) { listStatements(t, conn) })
}

func hotStatements(t *testing.T, conn *pgx.Conn) {
	const key = `'t', 'owner7', 'note', 'uid000100'`
	for _, row := range []struct{ name, text, arguments, uses string }{
		{"item", sqlItem, key, "item_pkey"},
		{"current", sqlCurrent, `'t', 'owner7', 'note', '{uid000100}', 150, 'note', 'uid000007', 'k', 5`, "item_all_by_time"},
		{"current of many", sqlCurrent, `'t', 'owner7', 'note', '{uid000100,uid000007,uid000070,other}', 150, '', '', NULL, 5`, "item_all_by_time"},
		{"turn and current", sqlTurnAndCurrent, `'t', 'owner7', 'note', '{uid000100}', 150, 'note', 'uid000007', 'k', 5`, "item_all_by_time"},
		{"live", sqlLive, key, "item"},
		{"turn", sqlTurn, `'t', 'owner7'`, "account_pkey"},
		{"save", numbered(sqlSaveItem, 0), `2, 500, 500, NULL, '', '', '{}', 'open', false, '{red}', ` + key, "item_pkey"},
		{"add tags", numbered(sqlAddTags, 0), key + `, 5, '{blue,red}'`, "item_tag"},
		{"move tags", numbered(sqlMoveTags, 0), `500, ` + key + `, 100, '{blue,red}'`, "item_tag_pkey"},
		{"remove tags", numbered(sqlRemoveTags, 0), key + `, 100, '{blue,red}'`, "item_tag_pkey"},
		{"delete tags", sqlDeleteTags, `'t', 'owner7'`, "item_tag_pkey"},
		{"keep answer", numbered(sqlKeepAnswer, 0), `'t', 'owner7', 'k', 'r', 200, 'u', 1, '{}', 5`, "Insert"},
		{"drop surplus", numbered(sqlDropSurplus, 0), `'t', 'owner7', 'k', 't', 'owner7', 50`, "idempotency_by_owner"},
		{"purge answers", numbered(sqlPurgeAnswers, 0), `5, 't', 'owner7', 'k'`, "idempotency_by_expiry"},
		{"delete answers", sqlDeleteAnswers, `'t', 'owner7'`, "idempotency"},
		{"state", sqlState, `'t', 'owner7', 'session9'`, "account_pkey"},
		{"purge", sqlPurgeEnded, `5`, "ended_session_by_expiry"},
		{"raise", sqlRaiseEpoch, `'t', 'owner7', 5`, "account_pkey"},
		{"delete", sqlDeleteOwners, `'t', 'owner7'`, "item"},
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
			After: &item.Cursor{StoredAt: 100, UID: "uid000100"}}
		for bit, apply := range []func(){
			func() { q.Filter.Parent = item.Parent{Kind: "note", UID: "uid1"} },
			func() { q.Filter.Status = "open" },
			func() { q.Filter.Archived = &archived },
			func() { q.Filter.Tag = "red" },
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

func literals(arguments []any) string {
	texts := make([]string, len(arguments))
	for i, value := range arguments {
		texts[i] = "'" + fmt.Sprint(value) + "'"
	}
	return strings.Join(texts, ", ")
}
