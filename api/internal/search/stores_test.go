package search

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/store/postgres/postgrestest"
)

// engine is a search engine with texts, numbered from 1.
type engine interface {
	fill(t testing.TB, texts []Text)
	find(t testing.TB, tier Tier) []int // in order
}

var alice = account.Owner{Tenant: "acme", User: "alice"}

const note = entity.Kind("note")

// engines are all there are here: real ones.
func engines(t testing.TB) map[string]engine {
	t.Helper()
	all := map[string]engine{"FTS5": newFTS5(t)}
	if os.Getenv(postgrestest.Variable) != "" || os.Getenv(postgrestest.CompleteVariable) != "" {
		all["PostgreSQL"] = newPostgres(t)
	}
	return all
}

type fts5 struct{ db *sql.DB }

func newFTS5(t testing.TB) fts5 {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	e := fts5{db}
	e.exec(t, "CREATE VIRTUAL TABLE found USING fts5 (scope, title, body, content='', contentless_delete=1, tokenize='ascii')")
	return e
}

func (e fts5) exec(t testing.TB, statement string, arguments ...any) {
	t.Helper()
	if _, err := e.db.ExecContext(t.Context(), statement, arguments...); err != nil {
		t.Fatal(err)
	}
}

func (e fts5) fill(t testing.TB, texts []Text) {
	t.Helper()
	e.exec(t, "DELETE FROM found")
	for i, text := range texts {
		row := NewRow(alice, note, text)
		e.exec(t, "INSERT INTO found (rowid, scope, title, body) VALUES (?, ?, ?, ?)", i+1, row.Scope, row.Title, row.Body)
	}
}

func (e fts5) find(t testing.TB, tier Tier) (found []int) {
	t.Helper()
	rows, err := e.db.QueryContext(t.Context(), "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rowid", tier.FTS5)
	if err != nil {
		t.Fatalf("%s: %v", tier.FTS5, err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int
		if err := rows.Scan(&number); err != nil {
			t.Fatal(err)
		}
		found = append(found, number)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", tier.FTS5, err)
	}
	return found
}

type postgresql struct{ conn *pgx.Conn }

func newPostgres(t testing.TB) postgresql {
	t.Helper()
	conn := postgrestest.Connect(t, postgrestest.New(t))
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	e := postgresql{conn}
	e.exec(t, "CREATE TABLE found (number INT, terms TSVECTOR)")
	return e
}

func (e postgresql) exec(t testing.TB, statement string, arguments ...any) {
	t.Helper()
	if _, err := e.conn.Exec(t.Context(), statement, arguments...); err != nil {
		t.Fatal(err)
	}
}

func (e postgresql) fill(t testing.TB, texts []Text) {
	t.Helper()
	e.exec(t, "DELETE FROM found")
	for i, text := range texts {
		e.exec(t, "INSERT INTO found VALUES ($1, CAST($2 AS TEXT)::TSVECTOR)", i+1, NewTSVector(alice, note, text))
	}
}

func (e postgresql) find(t testing.TB, tier Tier) []int {
	t.Helper()
	rows, err := e.conn.Query(t.Context(), "SELECT number FROM found WHERE terms @@ CAST($1 AS TEXT)::TSQUERY ORDER BY number", tier.TSQuery)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatalf("%s: %v", tier.TSQuery, err)
	}
	return found
}

// findTiers are the numbers of the texts by tier.
func findTiers(t testing.TB, e engine, q Query) (found [][]int) {
	t.Helper()
	seen := map[int]bool{}
	for _, tier := range q.Tiers(alice) {
		numbers := e.find(t, tier)
		for _, number := range numbers {
			if seen[number] {
				t.Errorf("text %d is in two tiers", number)
			}
			seen[number] = true
		}
		found = append(found, numbers)
	}
	return found
}

var samples = []Text{
	{"Red fox", "A quick brown animal. It jumps over the lazy dog."},
	{"Animals", "The red fox and the brown dog, and a fox that is not red."},
	{"Fox", "It is red, at times."},
	{"Crème brûlée", "Straße, naïve, Ærø, Łódź. don’t; l'eau; getUserName(foo_bar) 2026-11-20"},
	{"東京都の天気", "今日は晴れです。ラーメンを食べました。한국어 텍스트, กินข้าวแล้ว"},
	{"", "東京 tower, 北京大学 and C++ AND OR NOT"},
	{"red", ""},
	{"", ""},
	{"\xff\xfe\x00", "nul\x00nul '\\'' \" <-> & | ! :* ( )"},
}

func TestQueriesFindTexts(t *testing.T) {
	cases := map[string]string{
		"":                      "[]",
		"!!!":                   "[]",
		"red fox":               "[[1] [3] [2] [7] []]",
		"fox red ":              "[[1] [3] [2] [7] []]",
		`"red fox"`:             "[[1] [2]]",
		`"fox red"`:             "[[] []]",
		`"red fox" animal`:      "[[] [1 2] [] [] []]",
		`"red fox" dog`:         "[[] [1] [2] [] []]",
		"red -brown":            "[[7] [3]]",
		`red -"red fox"`:        "[[7] [3]]",
		"-red":                  "[[4 5 6 8 9]]",
		"-red -tower":           "[[4 5 8 9]]",
		"anim":                  "[[2] [1]]",
		"anim ":                 "[[] []]",
		"creme":                 "[[4] []]",
		"STRASSE":               "[[] [4]]",
		"lodz aero":             "[[] [] [4] [] []]",
		"don't ":                "[[] [4]]",
		"eau":                   "[[] [4]]",
		"getusername":           "[[] [4]]",
		"foo_bar ":              "[[] [4]]",
		"bar_foo ":              "[[] []]",
		"2026-11-20":            "[[] [4]]",
		"2026-11-2":             "[[] [4]]",
		"2026-20-11":            "[[] []]",
		"東京":                    "[[5] [6]]",
		"京都":                    "[[5] []]",
		"都":                     "[[5] []]",
		"天":                     "[[5] []]",
		"大学":                    "[[] [6]]",
		"ラーメン":                  "[[] [5]]",
		"国어":                    "[[] []]",
		"국어":                    "[[] [5]]",
		"ข้าว":                  "[[] [5]]",
		"東京tower":               "[[] [6]]",
		`"東京 tower"`:            "[[] [6]]",
		"C++":                   "[[] [6]]",
		"quikc":                 "[[] []]",
		"nul":                   "[[] [9]]",
		"AND OR NOT":            "[[] [] [6] [] [2] [] []]",
		"dog NOT fox":           "[[] [] [2] [1] [] [3] [6]]",
		"title:fox":             "[[] []]",
		`"dog it"`:              "[[] []]",
		`"animals the red fox"`: "[[] []]",
	}
	for name, e := range engines(t) {
		e.fill(t, samples)
		for text, want := range cases {
			if got := fmt.Sprint(findTiers(t, e, parsed(t, text))); got != want {
				t.Errorf("%s: %s: %s, want %s", name, text, got, want)
			}
		}
	}
}

// Somebody who asks in a sentence wants what its long words say.
func TestLongWordsSayMoreThanShortOnes(t *testing.T) {
	texts := []Text{
		{"", "Who has the key to the shed?"},
		{"Scaffold", "at the bank"},
		{"", "Order the scaffold, says the roofer"},
		{"", "The gutter and the scaffold"},
	}
	cases := map[string]string{
		"who orders the scaffold ":  "[[] [] [] [] [] [2] [3 4] [1]]",
		"scaffold gutter swallows ": "[[] [] [] [] [4] [2] [3]]",
		"the scaffold of a roofer ": "[[] [] [] [] [3] [2] [4] [1]]",
		"who is the ":               "[[] [] [] [] [1] [] [2 3 4]]",
	}
	for name, e := range engines(t) {
		e.fill(t, texts)
		for text, want := range cases {
			if got := fmt.Sprint(findTiers(t, e, parsed(t, text))); got != want {
				t.Errorf("%s: %s: %s, want %s", name, text, got, want)
			}
		}
	}
}

func TestKindsAndOwnersAreApart(t *testing.T) {
	q := parsed(t, "fox")
	minus := parsed(t, "-nothing")
	for name, e := range engines(t) {
		e.fill(t, samples)
		for kinds, want := range map[entity.Kind]string{note: "[1 3]", "task": "[]", "chat_message": "[]"} {
			if got := fmt.Sprint(e.find(t, q.Tiers(alice, kinds)[0])); got != want {
				t.Errorf("%s: %s: %s", name, kinds, got)
			}
		}
		if got := e.find(t, minus.Tiers(alice, "task", note)[0]); len(got) != len(samples) {
			t.Errorf("%s: two kinds: %d", name, got)
		}
		bob := account.Owner{Tenant: "acme", User: "bob"}
		if got := append(e.find(t, q.Tiers(bob)[1]), e.find(t, minus.Tiers(bob)[0])...); len(got) != 0 {
			t.Errorf("%s: another owner finds %d", name, got)
		}
	}
}

func TestALongTextIsIndexedWithinItsBounds(t *testing.T) {
	the := strings.Repeat("the ", maxPlaced-100)
	var numbers, long strings.Builder
	for i := range 2 * maxTerms {
		fmt.Fprintf(&numbers, "n%d ", i)
		fmt.Fprintf(&long, "%s%d ", strings.Repeat("long", 40), i)
	}
	texts := []Text{
		{"title", the + "near the end the last words " + strings.Repeat("x ", 200) + "far behind " + numbers.String()},
		{strings.Repeat("so ", 2*maxTitle) + "end", long.String()},
		{numbers.String(), numbers.String()},
		{"", strings.Repeat("東京都", 40_000)},
	}
	cases := map[string]string{
		`"the end the last words"`: "[[] [1]]",
		`"the the near the"`:       "[[] [1]]",
		`"far behind"`:             "[[] []]",
		"behind far ":              "[[] [] [1] [] [] []]",
		"n1 n20000 -title":         "[[] [3] [] [] [] []]",
		"so end ":                  "[[] [2] [] [] [1]]",
		"title behind":             "[[] [1] [] [] []]",
		"東京都東京":                    "[[] [4]]",
		"n199999 ":                 "[[] []]",
	}
	for name, e := range engines(t) {
		e.fill(t, texts)
		for text, want := range cases {
			if got := fmt.Sprint(findTiers(t, e, parsed(t, text))); got != want {
				t.Errorf("%s: %s: %s, want %s", name, text, got, want)
			}
		}
	}
}
