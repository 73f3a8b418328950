package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// OldSpellings are rows of a database before payloads spelled uids as rows do.
const OldSpellings = `INSERT INTO item (tenant, owner, kind, uid, version, updated_ms, stored_ms, parent_kind, parent_uid, payload, status, archived, tags)
	SELECT 'acme', '11111111-1111-8111-8111-111111111111', kind, uid, 1, 1, 1, parent_kind, parent_uid, payload, status, archived, tags
	FROM (SELECT 'note' AS kind, '00000000-0000-4000-8000-00000000000a' AS uid, '' AS parent_kind, '' AS parent_uid,
			'{"n":1.10, "uid" : "00000000-0000-4000-8000-00000000000A","x":12345678901234567890}' AS payload, '' AS status, FALSE AS archived, '{}' AS tags
		UNION ALL SELECT 'note', '00000000-0000-4000-8000-00000000000b', '', '', '{"uid":"00000000-0000-4000-8000-00000000000b", "n":1}', '', FALSE, '{}'
		UNION ALL SELECT 'note', '00000000-0000-4000-8000-00000000000c', '', '', '{"n":1}', '', FALSE, '{}'
		UNION ALL SELECT 'comment', '00000000-0000-4000-8000-00000000000d', 'note', '00000000-0000-4000-8000-00000000000a',
			'{"uid":"0000000000004000800000000000000D","parentUid":"{00000000-0000-4000-8000-00000000000A}","parentType":"note"}', '', FALSE, '{}'
		UNION ALL SELECT 'chat_message', '00000000-0000-4000-8000-00000000000e', 'chat', '00000000-0000-4000-8000-00000000000f',
			'{"chatUid":"00000000-0000-4000-8000-00000000000F","uid":"urn:uuid:00000000-0000-4000-8000-00000000000e"}', '', FALSE, '{}') AS old`

// CheckSpellings checks what became of them.
func CheckSpellings(t *testing.T, store item.Store) {
	t.Helper()
	for _, row := range []struct{ kind, last, want string }{
		{"note", "a", `{"n":1.10, "uid" : "00000000-0000-4000-8000-00000000000a","x":12345678901234567890}`},
		{"note", "b", `{"uid":"00000000-0000-4000-8000-00000000000b", "n":1}`},
		{"note", "c", `{"n":1}`},
		{"comment", "d", `{"uid":"00000000-0000-4000-8000-00000000000d","parentUid":"00000000-0000-4000-8000-00000000000a","parentType":"note"}`},
		{"chat_message", "e", `{"chatUid":"00000000-0000-4000-8000-00000000000f","uid":"00000000-0000-4000-8000-00000000000e"}`},
	} {
		ref := item.Ref{Owner: alice, Kind: entity.Kind(row.kind), UID: "00000000-0000-4000-8000-00000000000" + row.last}
		if found := get(t, store, ref); found == nil || string(found.Payload) != row.want {
			t.Errorf("%s %s: %+v", row.kind, row.last, found)
		}
	}
}

// OldAnswers are rows of a database that kept answers of any size.
const OldAnswers = `INSERT INTO idempotency (tenant, owner, key, request, status, body, expires_ms)
	SELECT 'acme', '11111111-1111-8111-8111-111111111111', 'small', 'r1', 201, '{"uid":"u1","version":1}', 2000000000000
	UNION ALL SELECT 'acme', '11111111-1111-8111-8111-111111111111', 'large', 'r2', 200,
		'{"uid":"u2","version":7,"payload":{"t":"' || replace(CAST(10000000000000000 AS TEXT) || CAST(10000000000000000 AS TEXT), '0',
			'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') || '"}}', 2000000000000`

// CheckAnswers checks what became of them.
func CheckAnswers(t *testing.T, store item.Store) {
	t.Helper()
	for key, want := range map[string]item.Record{
		"small": {Request: "r1", Status: 201, Body: `{"uid":"u1","version":1}`},
		"large": {Request: "r2", Status: 200, UID: "u2", Version: 7},
	} {
		if got := earlier(t, store, once(note(alice, 1), key, time.UnixMilli(1763600000123))); got == nil || *got != want {
			t.Errorf("%s: %+v", key, got)
		}
	}
}

// OldItems are six rows of a database before items were described, in the columns that
// both stores had.
const OldItems = `INSERT INTO item (tenant, owner, kind, uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid, payload, status, archived, tags)
	SELECT 'acme', '11111111-1111-8111-8111-111111111111', kind, uid, 3, 5, stored_ms, deleted_ms, '', '', payload, 'kept', FALSE, '{}'
	FROM (SELECT 'note' AS kind, '00000000-0000-4000-8000-00000000000a' AS uid, 1000 AS stored_ms, CAST(NULL AS BIGINT) AS deleted_ms,
			'{"title":"Größe","content":"long ago","pinned":true,"tags":["x","b"],"createdAt":"2020-01-02T03:04:05Z"}' AS payload
		UNION ALL SELECT 'task', '00000000-0000-4000-8000-00000000000b', 1001, NULL, '{"title":"Due","dueDate":"2026-12-04","priority":"high","createdTs":1234}'
		UNION ALL SELECT 'note', '00000000-0000-4000-8000-00000000000c', 1002, 1002, '{"title":"gone","createdAt":"yesterday"}'
		UNION ALL SELECT 'note', '00000000-0000-4000-8000-00000000000d', 1003, NULL, '[not an object'
		UNION ALL SELECT 'folder', '00000000-0000-4000-8000-00000000000e', 1004, NULL, '{"title":"of a kind that is gone"}'
		UNION ALL SELECT 'chat', '00000000-0000-4000-8000-00000000000f', 253370764800000, NULL, '{"title":"of a clock that was ahead"}') AS old`

// CheckOldItems checks that they are as they were, and that those of them are named that
// cannot be described.
func CheckOldItems(t *testing.T, store item.Store, unreadable []string) {
	t.Helper()
	for _, row := range []struct{ kind, last, payload string }{
		{"note", "a", `{"title":"Größe","content":"long ago","pinned":true,"tags":["x","b"],"createdAt":"2020-01-02T03:04:05Z"}`},
		{"note", "d", `[not an object`},
		{"folder", "e", `{"title":"of a kind that is gone"}`},
	} {
		ref := item.Ref{Owner: alice, Kind: entity.Kind(row.kind), UID: "00000000-0000-4000-8000-00000000000" + row.last}
		found, err := store.Get(t.Context(), ref)
		if err != nil || found == nil || string(found.Payload) != row.payload || found.Version != 3 || found.UpdatedAt != 5 {
			t.Errorf("%s %s: %+v", row.kind, row.last, found)
		}
	}
	for query, want := range map[string]string{"GROSSE": "|a", "long ag": "|a", "gone": "", "clock": "|f", "kind": ""} {
		if got := searched(t, store, query, anything); got != want {
			t.Errorf("a search for %q finds %q, want %q", query, got, want)
		}
	}
	slices.Sort(unreadable)
	if want := []string{"00000000-0000-4000-8000-00000000000d", "00000000-0000-4000-8000-00000000000e"}; !slices.Equal(unreadable, want) {
		t.Errorf("%v cannot be read, want %v", unreadable, want)
	}
}

// CheckOldColumns checks what a migration has made of them: uid, created_ms, due_ms,
// title and terms.
func CheckOldColumns(t *testing.T, rows []string) {
	t.Helper()
	want := []string{
		`00000000-0000-4000-8000-00000000000a 1577934245000 größe ["pinned:true","tag:b","tag:x"]`,
		`00000000-0000-4000-8000-00000000000b 1234 1796342400000 due ["priority:high"]`,
		`00000000-0000-4000-8000-00000000000c 1002 gone ["pinned:false"]`,
		`00000000-0000-4000-8000-00000000000d 1003  []`,
		`00000000-0000-4000-8000-00000000000e 1004  []`,
		`00000000-0000-4000-8000-00000000000f 253370764800000 of a clock that was ahead []`,
	}
	if !slices.Equal(rows, want) {
		t.Errorf("%s", strings.Join(rows, "\n"))
	}
}
