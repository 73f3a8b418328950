package item_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

func TestDecodeSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, row := range []struct{ name, body, reason, field string }{
		{"nothing", ``, "the body is empty", ""},
		{"white space", "  \n", "the body is empty", ""},
		{"a byte order mark", "\ufeff{}", "the body begins with a byte order mark (U+FEFF); send it without one", ""},
		{"null", `null`, "expected an object", ""},
		{"an array", `[]`, "expected an object", ""},
		{"a string", `"x"`, "expected an object", ""},
		{"a number", `7`, "expected an object", ""},
		{"broken text", `{"a":`, "unexpected end of JSON input", ""},
		{"a second object", `{} {}`, "after top-level value", ""},
		{"garbage after the object", `{}x`, "after top-level value", ""},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "not valid UTF-8", ""},
		{"NUL in a string", `{"a":"x\u0000"}`, `a NUL character (U+0000) in "a"`, "a"},
		{"NUL deep inside", `{"a":{"b":["\u0000"]}}`, `a NUL character (U+0000) in "a"`, "a"},
		{"NUL in a nested key", `{"a":{"\u0000":1}}`, "a NUL character (U+0000)", "a"},
		{"NUL in a key", `{"\u0000":1}`, "a NUL character (U+0000) in a key", ""},
		{"a lone high surrogate", `{"a":"\ud800"}`, `a lone surrogate in "a"`, "a"},
		{"a lone low surrogate", `{"a":"\udc00x"}`, "a lone surrogate", "a"},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`, "a lone surrogate", "a"},
		{"a high surrogate before another escape", `{"a":"\ud800\n"}`, "a lone surrogate", "a"},
		{"a high surrogate twice", `{"a":"\ud83d\ud83d\ude00"}`, "a lone surrogate", "a"},
		{"a number beyond a double", `{"n":1e400}`, `a number too large for a double in "n"`, "n"},
		{"a negative number beyond a double", `{"n":[-1e400]}`, "a number too large for a double", "n"},
		{"a long integer beyond a double", `{"n":` + strings.Repeat("9", 400) + `}`, "a number too large for a double", "n"},
		{"nesting of 101 levels", `{"d":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `nested more than 100 levels deep in "d"`, "d"},
		{"a problem under a key of its own length", `{"` + strings.Repeat("k", 5000) + `":1e400}`, `in "kkk`, strings.Repeat("k", 100) + "…"},
		{"nesting of 20 000 levels", strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), "depth", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := item.Decode([]byte(row.body))
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.InvalidJSON {
				t.Fatalf("err = %v", err)
			}
			if !strings.HasPrefix(f.Message, "invalid JSON: ") || !strings.Contains(f.Message, row.reason) {
				t.Errorf("message %q, want %q in it", f.Message, row.reason)
			}
			if field, _ := f.Details["field"].(string); field != row.field {
				t.Errorf("field %q, want %q", field, row.field)
			}
		})
	}
}

func TestAStringHasItsBoundAndAKeyATighterOne(t *testing.T) {
	const most = 2000
	x := func(n int) string { return strings.Repeat("x", n) }
	long := func(word string, most int, path string) string {
		return fmt.Sprintf("invalid JSON: a %s of more than %d bytes at %s; shorten it or split it up", word, most, path)
	}
	for _, row := range []struct{ name, body, says, field, path string }{
		{"a string of the bound", `{"a":"` + x(most) + `"}`, "", "", ""},
		{"a longer one", `{"a":"` + x(most+1) + `"}`, long("string", most, "/a"), "a", "/a"},
		{"characters of several bytes", `{"a":"` + strings.Repeat("é", most/2) + `"}`, "", "", ""},
		{"one character more", `{"a" : "` + strings.Repeat("é", most/2+1) + `" }`, long("string", most, "/a"), "a", "/a"},
		{"escapes count as what they mean", `{"a":"` + strings.Repeat(`\n\u0041\u00e9\u20ac\ud83d\ude00\"`, most/12) + x(most%12) + `"}`, "", "", ""},
		{"and no less", `{"a":"` + strings.Repeat(`\n\u0041\u00e9\u20ac\ud83d\ude00\"`, most/12) + x(most%12+1) + `"}`, long("string", most, "/a"), "a", "/a"},
		{"deep inside", `{"b":"x","m":{"k":[1e3,{"s":"t"},[],{},{"~/t" : "y","u":[true,null,"` + x(most+1) + `"]}]}}`, long("string", most, "/m/k/4/u/2"), "m", "/m/k/4/u/2"},
		{"behind a key to be escaped", `{"m":{"~/":"` + x(most+1) + `"}}`, long("string", most, "/m/~0~1"), "m", "/m/~0~1"},
		{"many strings of the bound", `{"a":["` + x(most) + `","` + x(most) + `"]}`, "", "", ""},
		{"a key of its bound", `{"` + x(item.MaxKeyBytes) + `":{"` + x(item.MaxKeyBytes) + `" :1}}`, "", "", ""},
		{"a longer key", `{"` + x(item.MaxKeyBytes+1) + `":1}`, long("key", item.MaxKeyBytes, "/"+x(99)+"…"), x(100) + "…", "/" + x(99) + "…"},
		{"a longer key inside", `{"m":{"a":"b","` + x(item.MaxKeyBytes+1) + `" :1}}`, long("key", item.MaxKeyBytes, "/m/"+x(97)+"…"), "m", "/m/" + x(97) + "…"},
		{"a string as long as no key may be", `{"m":["` + x(item.MaxKeyBytes+1) + `" ,"` + x(item.MaxKeyBytes+1) + `" ]}`, "", "", ""},
		{"another problem has its place too", `{"m":[{"a":1},{"b":[1e400]}]}`, `invalid JSON: a number too large for a double in "m"`, "m", "/m/1/b/0"},
		{"also one in a key", `{"m":[{"a":{"\u0000":1}}]}`, `invalid JSON: a NUL character (U+0000) in "m"`, "m", "/m/0/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := item.DecodeWithin([]byte(row.body), most)
			if row.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.InvalidJSON || f.Message != row.says || f.Details["field"] != row.field || f.Details["path"] != row.path {
				t.Fatalf("%v", err)
			}
			if bound := f.Details["maxBytes"]; strings.Contains(row.says, "more than") != (bound == most || bound == item.MaxKeyBytes) {
				t.Errorf("details %v", f.Details)
			}
		})
	}
	if _, err := item.DecodeWithin([]byte(`{"abcd":1}`), 3); err == nil {
		t.Error("a key may be longer than a string")
	}
	if _, err := item.Decode([]byte(`{"` + x(5000) + `":"` + x(5000) + `"}`)); err != nil {
		t.Errorf("without a bound: %v", err)
	}
}

func TestDecodeTakesWhatOnlyLooksSuspicious(t *testing.T) {
	for _, row := range []struct{ name, body string }{
		{"an empty object", `{}`},
		{"white space around", " \r\n\t{ } \n"},
		{"an escaped backslash before u0000", `{"a":"\\u0000"}`},
		{"a surrogate pair", `{"a":"\ud83d\ude00"}`},
		{"escaped quotes and braces in strings", `{"a":"}\"]","b\"":"{["}`},
		{"nesting of 100 levels", `{"d":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`},
		{"many siblings", `{"d":[` + strings.Repeat(`[],{},`, 500) + `1]}`},
		{"a number that underflows", `{"n":1e-400}`},
		{"the largest double", `{"n":1.7976931348623157e308}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := item.Decode([]byte(row.body)); err != nil {
				t.Error(err)
			}
		})
	}
}

// FuzzDecode compares with encoding/json: what we take it takes too, and sees
// the same keys; what we refuse beyond it has a reason of ours.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,2.5e3,"x\u0041\ud83d\ude00",null,true]},"a":false}`, `[]`, `null`, `{"\u0061":"\""}`,
		`{"n":1e999}`, `{"a":"\ud800"}`, " {\t} \n", `{"a":[[[]]]}{}`, `{"uid":"x","sync":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		payload, err := item.Decode(body)
		var want map[string]json.RawMessage
		reference := json.Unmarshal(body, &want)
		if err != nil {
			var fault *fault.Error
			if !errors.As(err, &fault) {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		if reference != nil {
			t.Fatalf("took what encoding/json refuses: %v", reference)
		}
		for key := range want {
			if !payload.Has(key) {
				t.Fatalf("lost key %q", key)
			}
		}
		checkNumbers(t, body)
		checkSizes(t, body)
	})
}

// checkSizes compares what a bound refuses with the strings that a decoder finds.
func checkSizes(t *testing.T, body []byte) {
	longest := 0
	for decoder := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		text, _ := token.(string)
		longest = max(longest, len(text))
	}
	if longest > item.MaxKeyBytes {
		return // it may be a key
	}
	if _, err := item.DecodeWithin(body, longest); err != nil {
		t.Fatalf("refused at its own size %d: %v", longest, err)
	}
	if _, err := item.DecodeWithin(body, longest-1); err == nil && longest > 0 {
		t.Fatalf("took a string of %d bytes", longest)
	}
}

func checkNumbers(t *testing.T, body []byte) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		token, err := decoder.Token()
		if err != nil {
			if !strings.Contains(err.Error(), "EOF") {
				t.Fatalf("took what a decoder cannot read: %v", err)
			}
			return
		}
		if number, ok := token.(float64); ok && math.IsInf(number, 0) {
			t.Fatal("took an infinite number")
		}
	}
}

// The strings that we read ourselves are those that encoding/json reads.
func TestATextIsReadWithItsEscapes(t *testing.T) {
	for _, quoted := range []string{
		`""`, `"plain"`, `"Ünïcödé 京"`, `"a\nb\tc\rd\be\ff"`, `"\"\\\/"`, `"\\n"`, `"\\\\"`, `"\u0041\n"`, `"\n\ud83d\ude00"`, `"x\\u0041"`, `"\n"`, "\"\u2028\"",
	} {
		payload, err := item.Decode([]byte(`{"a":` + quoted + `}`))
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal([]byte(quoted), &want); err != nil {
			t.Fatal(err)
		}
		if got, isText := payload.Text("a"); got != want || !isText {
			t.Errorf("%s is %q, want %q", quoted, got, want)
		}
		payload, err = item.Decode([]byte(`{` + quoted + `:1}`))
		if err != nil || !payload.Has(want) {
			t.Errorf("no key %s: %v", quoted, err)
		}
	}
}
