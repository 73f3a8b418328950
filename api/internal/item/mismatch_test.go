package item

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"toolbridge/api/internal/fault"
)

func TestAMismatchSaysWhy(t *testing.T) {
	t.Parallel()
	const text = "# Ideas\r\n\r\nShe said “Hello  World”\u00a0– café (C:\\new)\r\nBuy milk and bread on Friday\r\nbuy eggs\r\n"
	line := passage{3, "She said “Hello  World”\u00a0– café (C:\\new)"}
	milk := passage{4, "Buy milk and bread on Friday"}
	for _, row := range []struct {
		find        string
		count       int
		says        string
		occurrences int
		differences []string
		nearest     []passage
	}{
		{"Friday\nbuy", 1, "edits[0].find occurs nowhere in content, not once, but it does apart from line endings (CRLF or LF); send it as details.nearest has it", 0,
			[]string{"line endings (CRLF or LF)"}, []passage{{4, "Buy milk and bread on Friday\r\nbuy eggs"}}},
		{"Hello World", 1, "edits[0].find occurs nowhere in content, not once, but it does apart from white space; send it as details.nearest has it", 0, []string{"white space"}, []passage{line}},
		{"said \"Hello", 1, "edits[0].find occurs nowhere in content, not once, but it does apart from quotation marks or dashes; send it as details.nearest has it", 0, []string{"quotation marks or dashes"}, []passage{line}},
		{"MILK", 2, "edits[0].find occurs nowhere in content, not 2 times, but it does apart from case; send it as details.nearest has it", 0, []string{"case"}, []passage{milk}},
		{"cafe\u0301", 1, "edits[0].find occurs nowhere in content, not once, but it does apart from accents or their encoding; send it as details.nearest has it", 0, []string{"accents or their encoding"}, []passage{line}},
		{"Friday\\r\\nbuy", 1, `edits[0].find occurs nowhere in content, not once, but it does apart from backslashes (such as \n for a line break); send it as details.nearest has it`, 0,
			[]string{`backslashes (such as \n for a line break)`}, []passage{{4, "Buy milk and bread on Friday\r\nbuy eggs"}}},
		{"SAID \"HELLO WORLD\" - Cafe", 1, "edits[0].find occurs nowhere in content, not once, but it does apart from white space, quotation marks or dashes, case and accents or their encoding; send it as details.nearest has it", 0,
			[]string{"white space", "quotation marks or dashes", "case", "accents or their encoding"}, []passage{line}},
		{"Buy mlik and bred on Friday", 1, "edits[0].find occurs nowhere in content, not once; details.nearest has what resembles it most", 0, nil, []passage{milk}},
		{"Buy mlik and bread on Friday\nand eggs", 1, "edits[0].find occurs nowhere in content, not once; details.nearest has what resembles it most", 0, nil, []passage{{4, "Buy milk and bread on Friday\r\nbuy eggs"}}},
		{"nothing of the kind", 1, "edits[0].find occurs nowhere in content, not once, nor does anything like it; read the item again", 0, nil, []passage{}},
		{"?", 1, "edits[0].find occurs nowhere in content, not once, nor does anything like it; read the item again", 0, nil, []passage{}},
		{"\u200b", 1, "edits[0].find occurs nowhere in content, not once, nor does anything like it; read the item again", 0, nil, []passage{}},
		{"uy ", 1, "edits[0].find occurs 2 times in content, not once; make it longer until it means one place, or send count", 2, nil, []passage{milk, {5, "buy eggs"}}},
		{"uy ", 3, "edits[0].find occurs 2 times in content, not 3 times", 2, nil, []passage{milk, {5, "buy eggs"}}},
	} {
		m := &mismatch{sought: Replacement{Find: row.find, Count: row.count}, field: "content", text: text}
		_, m.found = occurrences(text, row.find, row.count)
		var f *fault.Error
		if err := explained(fmt.Errorf("wrapped: %w", m)); !errors.As(err, &f) || f.Code != fault.EditMismatch {
			t.Fatal(err)
		}
		differences, _ := f.Details["differences"].([]string)
		if f.Message != row.says || f.Details["occurrences"] != row.occurrences || f.Details["expected"] != row.count || !reflect.DeepEqual(differences, row.differences) || !reflect.DeepEqual(f.Details["nearest"], row.nearest) {
			t.Errorf("%q:\n got %s %+v\nwant %s %q %+v", row.find, f.Message, f.Details, row.says, row.differences, row.nearest)
		}
	}
}

func TestAMismatchNamesTheEdit(t *testing.T) {
	t.Parallel()
	_, _, err := edited(t, `{"content":"one two"}`, `{"edits":[{"find":"one","replace":"two"},{"find":"two","replace":"x"}]}`)
	var f *fault.Error
	if !errors.As(err, &f) || f.Details["edit"] != 1 || f.Details["occurrences"] != 2 || !reflect.DeepEqual(f.Details["nearest"], []passage{{1, "two two"}, {1, "two two"}}) {
		t.Errorf("%+v", f)
	}
	_, _, err = edited(t, `{"content":null}`, `{"edits":[{"find":"one","replace":"two"}]}`)
	if !errors.As(err, &f) || f.Message != "edits[0].find occurs nowhere in content, not once: there is no text" {
		t.Errorf("%+v", f)
	}
}

// A mismatch that nobody explains is a refusal all the same.
func TestAMismatchIsAFault(t *testing.T) {
	t.Parallel()
	var f *fault.Error
	if err := error(&mismatch{sought: Replacement{Count: 1}, field: "content"}); !errors.As(err, &f) || f.Code != fault.EditMismatch || f.Message != err.Error() {
		t.Errorf("%+v", f)
	}
	if err := errors.New("another"); explained(err) != err || explained(nil) != nil {
		t.Error("another error was changed")
	}
}

func TestAPassageOfALongLineIsExact(t *testing.T) {
	t.Parallel()
	const sought = "the quick brown fox jumps over the lazy dog"
	text := strings.Repeat("wörd and other words. ", 500) + "The quick brown fox jumped over a lazy dog" + strings.Repeat(" and more wörds", 500)
	places, differences := nearest(text, sought)
	if len(places) == 0 || differences != nil {
		t.Fatal("nothing is near")
	}
	for _, p := range places {
		if !strings.Contains(text, p.Text) || len([]rune(p.Text)) > maxPassageRunes {
			t.Errorf("%+v", p)
		}
	}
	if !strings.Contains(places[0].Text, "brown fox jumped") {
		t.Errorf("%+v", places)
	}
}

func TestAPassageShowsAllOfWhatItCan(t *testing.T) {
	t.Parallel()
	exact := strings.Repeat("exact Ä ", 24) + "exact."
	places, _ := nearest(strings.Repeat("before ", 50)+exact+strings.Repeat(" after", 50), strings.ToLower(exact))
	if len(places) != 1 || !strings.Contains(places[0].Text, exact) {
		t.Errorf("%+v", places)
	}
}

func TestTheNearestLinesComeFirst(t *testing.T) {
	t.Parallel()
	text := "call Anna about the contract\ncall Anna about the contrast on Monday\ncoll Anne abuot teh contrakt\nsomething else\ncall Anna about the contract\n"
	places, _ := nearest(text, "call Anna about the contract!")
	want := []passage{{1, "call Anna about the contract"}, {5, "call Anna about the contract"}, {2, "call Anna about the contrast on Monday"}}
	if !reflect.DeepEqual(places, want) {
		t.Errorf("%+v", places)
	}
}
