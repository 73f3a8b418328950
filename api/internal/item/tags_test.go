package item

import (
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

// tagged is a payload after a change of its tags.
func tagged(t *testing.T, payload, request string) (after string, changed bool, err error) {
	t.Helper()
	stored, err := Decode([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	sent, err := Decode([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadTagChange(sent)
	if err != nil {
		return "", false, err
	}
	var did Tagged
	next, err := service.tagRewrite(entity.Table[0], want, &did)(stored)
	if err != nil {
		return "", false, err
	}
	return string(next.encode()), did.Changed, nil
}

func TestAChangeOfTagsTouchesNoOther(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ payload, request, after string }{
		{`{}`, `{"add":["a"]}`, `{"tags":["a"]}`},
		{`{"tags":null,"x":1.0}`, `{"add":["b","a","b"]}`, `{"tags":["b","a"],"x":1.0}`},
		{`{"tags":["b","a"]}`, `{"add":["c","a"]}`, `{"tags":["b","a","c"]}`},
		{`{"tags":["b","a","c"]}`, `{"remove":["a"]}`, `{"tags":["b","c"]}`},
		{`{"tags":["b","a","b"]}`, `{"remove":["b"],"add":["z"]}`, `{"tags":["a","z"]}`},
		{`{"tags":["a"]}`, `{"remove":["a"],"add":[]}`, `{"tags":[]}`},
		{`{"tags":[5, "\u0061", {"x":[1,  2]}, null, "dup", "dup"]}`, `{"add":["é\""],"remove":["5"]}`, `{"tags":[5,"\u0061",{"x":[1,  2]},null,"dup","dup","é\""]}`},
		{`{"tags":["\u0061"]}`, `{"remove":["a"]}`, `{"tags":[]}`},
		{`{"tags":["A"]}`, `{"add":["a"]}`, `{"tags":["A","a"]}`},
		{`{"tags":[ "a" ]}`, `{"add":["a"],"remove":["b"]}`, `{"tags":[ "a" ]}`},
		{`{}`, `{"remove":["a"]}`, `{}`},
		{`{"tags":null}`, `{"add":[],"remove":null}`, `{"tags":null}`},
	} {
		got, changed, err := tagged(t, row.payload, row.request)
		if err != nil || got != row.after || changed != (row.after != row.payload) {
			t.Errorf("%s of %s: %s, changed %v, %v, want %s", row.request, row.payload, got, changed, err, row.after)
		}
	}
}

func TestARequestForAChangeOfTagsIsChecked(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(strings.Repeat(`"a",`, MaxTagChanges+1), ",")
	long := strings.Repeat("x", MaxTagBytes-1)
	for _, row := range []struct {
		request string
		code    fault.Code
		field   string
	}{
		{`{}`, fault.InvalidField, "add"},
		{`{"add":null}`, fault.InvalidField, "add"},
		{`{"add":"a"}`, fault.InvalidJSON, "add"},
		{`{"remove":{}}`, fault.InvalidJSON, "remove"},
		{`{"add":[5]}`, fault.InvalidJSON, "add[0]"},
		{`{"remove":["a",null]}`, fault.InvalidJSON, "remove[1]"},
		{`{"add":[""]}`, fault.InvalidField, "add[0]"},
		{`{"add":["` + long + `é"]}`, fault.InvalidField, "add[0]"},
		{`{"add":[` + many + `]}`, fault.InvalidField, "add"},
		{`{"add":["a"],"remove":["b","a"]}`, fault.InvalidField, "add"},
		{`{"add":["a"],"set":["b"]}`, fault.InvalidJSON, "set"},
	} {
		if _, _, err := tagged(t, `{}`, row.request); !failsWith(err, row.code, row.field) {
			t.Errorf("%.100s: %v", row.request, err)
		}
	}
	if _, _, err := tagged(t, `{}`, `{"add":["`+long+`x"]}`); err != nil {
		t.Error(err)
	}
	for _, payload := range []string{`{"tags":"a"}`, `{"tags":{}}`, `{"tags":5}`} {
		if _, _, err := tagged(t, payload, `{"add":["a"]}`); !failsWith(err, fault.InvalidField, "tags") {
			t.Errorf("%s: %v", payload, err)
		}
	}
	if _, _, err := tagged(t, `{"x":"`+strings.Repeat("y", 5980)+`"}`, `{"add":["aaaaaaaaaaaaaaaa"]}`); err == nil {
		t.Error("the item grew beyond its bound")
	}
}
