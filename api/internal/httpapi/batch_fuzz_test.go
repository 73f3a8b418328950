package httpapi

import (
	"errors"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

// FuzzBatch reads any body as a batch: it is refused with a code of ours and a sentence,
// or every operation of it can be made.
func FuzzBatch(f *testing.F) {
	const uid = `"123e4567-e89b-42d3-a456-426614174000"`
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `{"operations":[]}`, `{"operations":[null,5,{}]}`, "\xff", "\ufeff{}", `{"operations":[{"op":"create"`,
		`{"operations":[{"op":"create","kind":"note","payload":{"title":"a","uid":` + uid + `}}],"dryRun":true}`,
		`{"operations":[{"op":"create","kind":"note","payload":{}},{"op":"create","kind":"comment","payload":{"parentType":"note","parentUid":"$1"}}]}`,
		`{"operations":[{"op":"create","kind":"chat","uid":` + uid + `,"payload":{}},{"op":"patch","kind":"chat","uid":"$1","ifMatch":"\"3\"","payload":{"a":1e5}}]}`,
		`{"operations":[{"op":"replace","kind":"task","uid":` + uid + `,"ifMatch":-3,"payload":{"dueDate":null}}]}`,
		`{"operations":[{"op":"process","kind":"task","uid":` + uid + `,"action":"complete","metadata":{"a":[1]}}]}`,
		`{"operations":[{"op":"delete","kind":"note","where":{"tag":["a","b"],"archived":false,"updatedSince":1},"atMost":1000}]}`,
		`{"operations":[{"op":"archive","kind":"comment","where":{"parentUid":"$0","status":"open"},"atMost":1.5}]}`,
		`{"operations":[{"op":"edit","kind":"note","uid":` + uid + `,"field":"a","edits":[{"find":"x","replace":"","count":2}],"append":"y","heading":"# A"}]}`,
		`{"operations":[{"op":"tags","kind":"note","where":{"tag":"a"},"add":["b"],"remove":["a"]}]}`,
		`{"operations":[{"op":"archive","kind":"chat_message","uid":"$18446744073709551617"}]}`,
		`{"operations":[` + strings.Repeat(`{"op":"archive","kind":"note","uid":`+uid+`},`, 100) + `0]}`,
	} {
		f.Add([]byte(seed))
	}
	api := &API{Items: &item.Service{MaxString: 1000, MaxItemBytes: 10_000}}
	f.Fuzz(func(t *testing.T, body []byte) {
		reader := &batchReader{ctx: t.Context(), api: api}
		_, err := reader.readBatch(body)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if n := len(reader.operations); n < 1 || n > item.MaxOperations {
			t.Fatalf("%d operations", n)
		}
		for _, operation := range reader.operations {
			checkOperation(t, operation)
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Message == "" || len(refused.Message) > 2000 {
		t.Fatalf("refused with %v", err)
	}
	if status := fault.Codes[refused.Code].Status; status < 400 || status >= 500 {
		t.Fatalf("refused with %d %v", status, err)
	}
}

func checkOperation(t *testing.T, operation item.Operation) {
	t.Helper()
	if operation.Where == nil {
		if _, ok := item.ParseUID(operation.UID); !ok {
			t.Fatalf("%s of %q", operation.Name, operation.UID)
		}
	} else if operation.AtMost < 1 || operation.AtMost > item.MaxBatchItems || operation.UID != "" {
		t.Fatalf("%+v", operation)
	}
	w := operation.Writing(item.Target{Entity: operation.Entity, UID: operation.UID})
	live := func(entity.Kind, string) (bool, error) { return true, nil }
	next, err := w.Decide(item.Snapshot{Now: 1, Live: live})
	if operation.Creates {
		if err != nil || next.UID != operation.UID {
			t.Fatalf("created %+v, %v", next, err)
		}
		return
	}
	if err != nil {
		checkRefusal(t, err)
	}
}
