package item

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

var rounds = flag.Int("rounds", 1000, "how many random text edits to compare with a model")

var service = &Service{MaxString: 4000, MaxItemBytes: 6000}

// edited is the payload after a request for a text edit of a note.
func edited(t *testing.T, payload, request string) (after string, did Edited, err error) {
	t.Helper()
	stored, err := Decode([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	sent, err := Decode([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadTextEdit(sent)
	if err != nil {
		return "", did, err
	}
	next, err := service.textRewrite(entity.Table[0], want, &did)(stored)
	if err != nil {
		return "", did, explained(err)
	}
	return string(next.encode()), did, nil
}

func jsonOf(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return strings.TrimSpace(b.String())
}

// text is the text of a note after an edit.
func textAfter(t *testing.T, before, request string) string {
	t.Helper()
	after, _, err := edited(t, `{"content":`+jsonOf(before)+`}`, request)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	decoded, err := Decode([]byte(after))
	if err != nil {
		t.Fatalf("%s: %v", after, err)
	}
	text, _ := decoded.Text("content")
	return text
}

func TestATextEditPutsTextInPlaceOfOther(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ before, request, after string }{
		{"one two", `{"edits":[{"find":"two","replace":"2"}]}`, "one 2"},
		{"one two", `{"edits":[{"find":"one ","replace":""}]}`, "two"},
		{"a a a", `{"edits":[{"find":"a","replace":"aa","count":3}]}`, "aa aa aa"},
		{"aaaa", `{"edits":[{"find":"aa","replace":"b","count":2}]}`, "bb"},
		{"aaa", `{"edits":[{"find":"aa","replace":"b"}]}`, "ba"},
		{"one", `{"edits":[{"find":"one","replace":"two"},{"find":"two","replace":"three"}]}`, "three"},
		{"x", `{"edits":[{"find":"x","replace":"xx"},{"find":"x","replace":"y","count":2}]}`, "yy"},
		{"über 😀", `{"edits":[{"find":"😀","replace":"ü"}]}`, "über ü"},
		{"a\r\nb\r\n", `{"edits":[{"find":"a\r\n","replace":""}]}`, "b\r\n"},
		{"a", `{"edits":[{"find":"a","replace":"b","count":null}],"append":null,"field":null}`, "b"},
		{"b", `{"edits":[{"find":"b","replace":"x"}],"prepend":"a","append":"c"}`, "a\nx\nc"},
	} {
		if got := textAfter(t, row.before, row.request); got != row.after {
			t.Errorf("%s of %q: %q, want %q", row.request, row.before, got, row.after)
		}
	}
}

func TestAddedTextHasALineOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ before, request, after string }{
		{"", `{"append":"x"}`, "x"},
		{"", `{"prepend":"x"}`, "x"},
		{"a", `{"append":"x"}`, "a\nx"},
		{"a\n", `{"append":"x"}`, "a\nx"},
		{"a\n", `{"append":"x\n"}`, "a\nx\n"},
		{"a", `{"append":"\nx"}`, "a\n\nx"},
		{"a\n", `{"append":"\nx"}`, "a\n\nx"},
		{"a\n\n", `{"append":"x"}`, "a\n\nx"},
		{"a\r\nb", `{"append":"x"}`, "a\r\nb\r\nx"},
		{"a\r\nb\r\n", `{"append":"x\ny"}`, "a\r\nb\r\nx\ny"},
		{"a\nb\r\nc", `{"append":"x"}`, "a\nb\r\nc\nx"},
		{"a", `{"prepend":"x"}`, "x\na"},
		{"a", `{"prepend":"x\n"}`, "x\na"},
		{"\na", `{"prepend":"x"}`, "x\na"},
		{"\r\na", `{"prepend":"x"}`, "x\r\na"},
		{"a\r\nb", `{"prepend":"x"}`, "x\r\na\r\nb"},
		{"a", `{"append":"","prepend":""}`, "a"},
		{"\n", `{"append":"x","prepend":"y"}`, "y\nx"},
	} {
		if got := textAfter(t, row.before, row.request); got != row.after {
			t.Errorf("%s of %q: %q, want %q", row.request, row.before, got, row.after)
		}
	}
}

func TestATextEditLeavesAllOtherBytesAsTheyAre(t *testing.T) {
	t.Parallel()
	const payload = `{"b":1.10,"content":"\u00e9\/ \ud83d\ude00 <&>\u2028 old\n","a":{"x":[1, 2]},"title":"old"}`
	for request, want := range map[string]string{
		`{"edits":[{"find":"old","replace":"new"}]}`:                            `{"b":1.10,"content":"\u00e9\/ \ud83d\ude00 <&>\u2028 new\n","a":{"x":[1, 2]},"title":"old"}`,
		`{"edits":[{"find":"é/ 😀","replace":"<\"\\\n&é"}]}`:                     `{"b":1.10,"content":"<\"\\\n&é <&>\u2028 old\n","a":{"x":[1, 2]},"title":"old"}`,
		`{"edits":[{"find":"😀","replace":""},{"find":"  ","replace":" "}]}`:     `{"b":1.10,"content":"\u00e9\/ <&>\u2028 old\n","a":{"x":[1, 2]},"title":"old"}`,
		`{"field":"title","append":"x"}`:                                        `{"b":1.10,"content":"\u00e9\/ \ud83d\ude00 <&>\u2028 old\n","a":{"x":[1, 2]},"title":"old\nx"}`,
		`{"field":"é\"","append":"x"}`:                                          `{"b":1.10,"content":"\u00e9\/ \ud83d\ude00 <&>\u2028 old\n","a":{"x":[1, 2]},"title":"old","é\"":"x"}`,
		`{"edits":[{"find":"old","replace":"old"}],"append":""}`:                payload,
		`{"edits":[{"find":"old","replace":"x"},{"find":"x","replace":"old"}]}`: payload,
	} {
		got, did, err := edited(t, payload, request)
		if err != nil || got != want || did.Changed != (want != payload) || (did.Diff == "") != (want == payload) {
			t.Errorf("%s: %v\n got %s\nwant %s\n%+v", request, err, got, want, did)
		}
	}
}

func TestTheFieldOfATextEdit(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ payload, request, want, field string }{
		{`{}`, `{"append":"x"}`, `{"content":"x"}`, "content"},
		{`{"content":null}`, `{"append":"x"}`, `{"content":"x"}`, "content"},
		{`{"a":null,"content":"y"}`, `{"field":"a","prepend":"x"}`, `{"a":"x","content":"y"}`, "a"},
		{`{}`, `{"append":""}`, `{}`, "content"},
		{`{"status":"active"}`, `{"field":"status","edits":[{"find":"active","replace":"archived"}]}`, `{"status":"archived"}`, "status"},
	} {
		got, did, err := edited(t, row.payload, row.request)
		if err != nil || got != row.want || did.Field != row.field {
			t.Errorf("%s of %s: %s, %+v, %v", row.request, row.payload, got, did, err)
		}
	}
	for _, payload := range []string{`{"content":5}`, `{"content":["x"]}`, `{"content":{}}`, `{"content":true}`} {
		if _, _, err := edited(t, payload, `{"append":"x"}`); !failsWith(err, fault.InvalidField, "content") {
			t.Errorf("%s: %v", payload, err)
		}
	}
	for _, field := range []string{"uid", "sync", "updatedTs"} {
		if _, _, err := edited(t, `{}`, `{"field":"`+field+`","append":"x"}`); !failsWith(err, fault.InvalidField, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// failsWith reports whether an error is a fault about a field.
func failsWith(err error, code fault.Code, field string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == code && f.Details["field"] == field
}

func TestARequestForATextEditIsChecked(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(strings.Repeat(`{"find":"a","replace":"b"},`, MaxReplacements+1), ",")
	for _, row := range []struct {
		request string
		code    fault.Code
		field   string
	}{
		{`{}`, fault.InvalidField, "edits"},
		{`{"edits":null}`, fault.InvalidField, "edits"},
		{`{"edits":[]}`, fault.InvalidField, "edits"},
		{`{"edits":[` + many + `]}`, fault.InvalidField, "edits"},
		{`{"edits":{}}`, fault.InvalidJSON, "edits"},
		{`{"edits":"x"}`, fault.InvalidJSON, "edits"},
		{`{"edits":[5]}`, fault.InvalidJSON, "edits[0]"},
		{`{"edits":[{"find":"a","replace":"b"},[]]}`, fault.InvalidJSON, "edits[1]"},
		{`{"edits":[{"find":"","replace":"b"}]}`, fault.InvalidField, "edits[0].find"},
		{`{"edits":[{"replace":"b"}]}`, fault.InvalidField, "edits[0].find"},
		{`{"edits":[{"find":"a"}]}`, fault.InvalidField, "edits[0].replace"},
		{`{"edits":[{"find":"a","replace":null}]}`, fault.InvalidField, "edits[0].replace"},
		{`{"edits":[{"find":5,"replace":""}]}`, fault.InvalidJSON, "edits[0].find"},
		{`{"edits":[{"find":"a","replace":[]}]}`, fault.InvalidJSON, "edits[0].replace"},
		{`{"edits":[{"find":"a","replace":"","Count":1}]}`, fault.InvalidJSON, "edits[0].Count"},
		{`{"edits":[{"find":"a","replace":"","count":0}]}`, fault.InvalidField, "edits[0].count"},
		{`{"edits":[{"find":"a","replace":"","count":1001}]}`, fault.InvalidField, "edits[0].count"},
		{`{"edits":[{"find":"a","replace":"","count":-1}]}`, fault.InvalidField, "edits[0].count"},
		{`{"edits":[{"find":"a","replace":"","count":1.5}]}`, fault.InvalidField, "edits[0].count"},
		{`{"edits":[{"find":"a","replace":"","count":99999999999999999999}]}`, fault.InvalidField, "edits[0].count"},
		{`{"edits":[{"find":"a","replace":"","count":"1"}]}`, fault.InvalidJSON, "edits[0].count"},
		{`{"edits":[` + strings.Repeat(`{"find":"a","replace":"","count":1000},`, 10) + `{"find":"a","replace":""}]}`, fault.InvalidField, "edits"},
		{`{"append":5}`, fault.InvalidJSON, "append"},
		{`{"prepend":{}}`, fault.InvalidJSON, "prepend"},
		{`{"field":5,"append":"x"}`, fault.InvalidJSON, "field"},
		{`{"field":"","append":"x"}`, fault.InvalidField, "field"},
		{`{"field":"` + strings.Repeat("k", MaxKeyBytes+1) + `","append":"x"}`, fault.InvalidField, "field"},
		{`{"heading":"A"}`, fault.InvalidField, "edits"},
		{`{"heading":"A","prepend":"x"}`, fault.InvalidField, "heading"},
		{`{"heading":"","append":"x"}`, fault.InvalidField, "heading"},
		{`{"heading":" ## ","append":"x"}`, fault.InvalidField, "heading"},
		{`{"heading":"A\nB","append":"x"}`, fault.InvalidField, "heading"},
		{`{"append":"x","text":"y"}`, fault.InvalidJSON, "text"},
		{`{"Append":"x"}`, fault.InvalidJSON, "Append"},
	} {
		if _, _, err := edited(t, `{"content":"a"}`, row.request); !failsWith(err, row.code, row.field) {
			t.Errorf("%.100s: %v", row.request, err)
		}
	}
}

func TestATextEditKeepsToTheBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3999)
	for _, row := range []struct{ payload, request string }{
		{`{"content":"` + long + `"}`, `{"append":"y"}`}, // with the line break
		{`{"content":"` + long + `"}`, `{"prepend":"y"}`},
		{`{"content":"` + long + `y"}`, `{"edits":[{"find":"y","replace":"zz"}]}`},
		{`{"content":"` + strings.Repeat("a", 1000) + `"}`, `{"edits":[{"find":"a","replace":"bbbbb","count":1000},{"find":"bbbbb","replace":"","count":1000}]}`},
		{`{"content":"` + long + `","a":"` + strings.Repeat("y", 1980) + `"}`, `{"field":"a","append":"yyyyyyyy"}`}, // the item
	} {
		var f *fault.Error
		if _, _, err := edited(t, row.payload, row.request); !errors.As(err, &f) || f.Code != fault.BodyTooLarge || f.Details["maxBytes"] == nil {
			t.Errorf("%s: %v", row.request, err)
		}
	}
	for _, row := range []struct{ payload, request string }{
		{`{"content":"` + long + `"}`, `{"append":""}`},
		{`{"content":"` + long + long + `y"}`, `{"edits":[{"find":"y","replace":"z"}]}`}, // stored under another bound
	} {
		if _, _, err := edited(t, row.payload, row.request); err != nil {
			t.Errorf("%s: %v", row.request, err)
		}
	}
}

// The most that one request may replace, in a text without escapes or line breaks.
func TestManyReplacementsAreMadeInALargeText(t *testing.T) {
	t.Parallel()
	var before, after strings.Builder
	for range MaxOccurrences {
		for i := range MaxReplacements {
			fmt.Fprintf(&before, "k%02d. text ", i)
			fmt.Fprintf(&after, "K%02d? text ", i)
		}
	}
	var want TextEdit
	for i := range MaxReplacements {
		want.Replacements = append(want.Replacements, Replacement{fmt.Sprintf("k%02d.", i), fmt.Sprintf("K%02d?", i), MaxOccurrences})
	}
	d := newDraft(before.String())
	if err := want.apply(d, "content", before.Len()); err != nil {
		t.Fatal(err)
	}
	raw := d.encode([]byte(`"` + before.String() + `"`))
	if d.text != after.String() || string(raw) != `"`+after.String()+`"` || len(d.diff()) > maxDiffBytes {
		t.Error("the text is another one")
	}
}

func TestADateStaysADate(t *testing.T) {
	t.Parallel()
	task := entity.Table[slices.IndexFunc(entity.Table, func(e *entity.Entity) bool { return e.Formats["dueDate"] != "" })]
	for with, ok := range map[string]bool{"02": true, "13": false} {
		stored, _ := Decode([]byte(`{"dueDate":"2026-01-15"}`))
		want := &TextEdit{Field: "dueDate", Replacements: []Replacement{{"01", with, 1}}}
		_, err := service.textRewrite(task, want, &Edited{})(stored)
		if ok != (err == nil) || !ok && !failsWith(err, fault.InvalidField, "dueDate") {
			t.Errorf("%s: %v", with, err)
		}
	}
}

// letter is a character of a stored text: what it means, and how it is spelled in JSON.
type letter struct{ text, raw string }

// modelled is an edit as its description says, made letter by letter.
func modelled(text []letter, edits []Replacement) (after []letter, ok bool) {
	for _, e := range edits {
		if strings.Count(meant(text), e.Find) != e.Count {
			return nil, false
		}
		after = nil
		for len(text) > 0 {
			if !strings.HasPrefix(meant(text), e.Find) {
				after, text = append(after, text[0]), text[1:]
				continue
			}
			if e.With == e.Find { // stays as it is spelled
				after = append(after, text[:len([]rune(e.Find))]...)
			} else {
				after = append(after, plainly(e.With)...)
			}
			text = text[len([]rune(e.Find)):]
		}
		text = after
	}
	return text, true
}

func meant(text []letter) string {
	var b strings.Builder
	for _, l := range text {
		b.WriteString(l.text)
	}
	return b.String()
}

func spelled(text []letter) string {
	var b strings.Builder
	for _, l := range text {
		b.WriteString(l.raw)
	}
	return b.String()
}

// plainly is a text as this package spells it.
func plainly(text string) (letters []letter) {
	for _, r := range text {
		letters = append(letters, letter{string(r), string(quoted(string(r)))})
	}
	return letters
}

// Every random edit is compared with the model, byte for byte; the full number is run
// with -rounds=10000.
func TestRandomTextEditsChangeTheWantedBytesOnly(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 6))
	made, refused := 0, 0
	for n := range *rounds {
		text := randomlySpelled(random, randomText(random, 60))
		edits := randomEdits(random, text)
		const form = `{"n":1.%d0,"content":"%s","x":"\u0041 \/"}`
		payload := fmt.Sprintf(form, n, spelled(text))
		after, did, err := edited(t, payload, jsonOf(map[string]any{"edits": requested(edits)}))
		want, ok := modelled(text, edits)
		if !ok {
			if refused++; !failsWith(err, fault.EditMismatch, "content") {
				t.Fatalf("%s %+v: %s, %v", payload, edits, after, err)
			}
			continue
		}
		made++
		if meant(want) == meant(text) {
			want = text // nothing is written
		}
		if wanted := fmt.Sprintf(form, n, spelled(want)); err != nil || after != wanted || did.Changed != (meant(want) != meant(text)) {
			t.Fatalf("%s %+v:\n got %s, %+v, %v\nwant %s", payload, edits, after, did, err, wanted)
		}
	}
	t.Logf("%d made, %d refused", made, refused)
	if made < *rounds/2 || refused < *rounds/50 {
		t.Errorf("%d made, %d refused: such edits show little", made, refused)
	}
}

// requested is replacements as a request has them.
func requested(edits []Replacement) (list []map[string]any) {
	for _, e := range edits {
		list = append(list, map[string]any{"find": e.Find, "replace": e.With, "count": e.Count})
	}
	return list
}

var pieces = []string{
	"a", "b", "aa", "ab", " ", "\n", "\r\n", "é", "e\u0301", "😀", "“", "\"", "\\", "\\n", "/", "<", "\u2028", "#", "# a\n", "```\n", "日本", "\t", "\u0001", "-",
}

func randomText(random *rand.Rand, most int) string {
	var b strings.Builder
	for range random.IntN(most) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}

// randomlySpelled is a text with escapes where none would be needed.
func randomlySpelled(random *rand.Rand, text string) []letter {
	letters := plainly(text)
	for i, r := range []rune(text) {
		if random.IntN(3) > 0 {
			continue
		}
		letters[i].raw = ""
		for _, unit := range utf16.AppendRune(nil, r) {
			letters[i].raw += fmt.Sprintf("\\u%04x", unit)
		}
	}
	return letters
}

// randomEdits are edits of a text, most of which can be made.
func randomEdits(random *rand.Rand, text []letter) (edits []Replacement) {
	for range 1 + random.IntN(4) {
		find := pieces[random.IntN(len(pieces))]
		if len(text) > 0 && random.IntN(3) > 0 {
			from := random.IntN(len(text))
			find = meant(text[from : from+1+random.IntN(min(12, len(text)-from))])
		}
		e := Replacement{find, randomText(random, 4), max(1, strings.Count(meant(text), find))}
		if random.IntN(20) == 0 {
			e.Count++
		}
		edits = append(edits, e)
		if next, ok := modelled(text, []Replacement{e}); ok {
			text = next
		}
	}
	return edits
}
