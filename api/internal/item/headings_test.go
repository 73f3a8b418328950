package item

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/fault"
)

func TestHeadingsOfAText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "",
		"# A\n## B ##\n### C#\n####### no\n#no\n":    "1:# A 2:## B 3:### C#",
		"   # A\n    # code\n\t# code\n#\tB\n# # \n": "1:# A 4:# B 5:# ",
		"A\n=\nB\n---\nC\nD\n===\n":                  "1:# A 3:## B 5:# C D",
		"A\n\n---\n\n- - -\n***\n":                   "",
		"```\n# code\n```\n# A\n":                    "4:# A",
		"````sh\n# code\n```\n# code\n`````\n# A":    "6:# A",
		"~~~ `x`\n# code\n```\n~~~\n# A":             "5:# A",
		"``` `x`\n# A\n":                             "2:# A",
		"```\n# code to the end":                     "",
		"- item\n  ```\n  # code\n  ```\n# A":        "5:# A",
		"- ```\n  # code\n  ```\n# A":                "4:# A",
		"- ```\n# A\n- item\n  ~~~\nB\n---":          "2:# A 5:## B",
		"2) two\n  # A\n2) two\n   # inner":          "2:# A",
		"- a\nmore of it\n---\nB\n---":               "4:## B",
		"- # inner\nB\n---":                          "2:## B",
		"text\n2. more text\n---":                    "1:## text 2. more text",
		"- item\n---\n# A":                           "3:# A",
		"- item\n\n  more\n---\n\nB\n---":            "6:## B",
		"1. item\n===\n":                             "",
		"> quoted\n---\n> # quoted\n":                "",
		"<!-- \n# hidden\n-->\n# A\n<!-- x -->\n# B": "4:# A 6:# B",
		"<pre>\n# code\n</pre>\n# A":                 "4:# A",
		"<prefix>\n# A":                              "2:# A",
		"---\ntitle: x\n---\n# A":                    "4:# A",
		"---\ntitle: x\n...\n# A":                    "4:# A",
		"---\n\n# A\n\n---\n":                        "3:# A",
		"---\n# A":                                   "2:# A",
		"# A\r\nB\r\n---\r\n":                        "1:# A 2:## B",
		"a | b\n--- | ---\n":                         "",
		"text\n    # more text\n---":                 "1:## text # more text",
		"-\n---":                                     "",
	} {
		var got []string
		for h := range headings(text) {
			got = append(got, fmt.Sprintf("%d:%s", h.line, h))
		}
		if joined := strings.Join(got, " "); joined != want {
			t.Errorf("%q has %s, want %s", text, joined, want)
		}
	}
}

func TestTextIsAddedAtTheEndOfASection(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ before, heading, with, after string }{
		{"# A\nx\n\n# B\ny\n", "A", "z", "# A\nx\nz\n\n# B\ny\n"},
		{"# A\nx\n\n# B\ny\n", "B", "z", "# A\nx\n\n# B\ny\nz"},
		{"# A\nx\n\n# B\ny", "# B", "z", "# A\nx\n\n# B\ny\nz"},
		{"# A\nx\n## A1\ny\n\n \n# B", "A", "z", "# A\nx\n## A1\ny\nz\n\n \n# B"},
		{"# A\nx\n## A1\ny\n# B", "A1", "z\n", "# A\nx\n## A1\ny\nz\n# B"},
		{"# A\n# B", "A", "z", "# A\nz\n# B"},
		{"# A\n\n\n# B", "A", "z", "# A\nz\n\n\n# B"},
		{"# A", "A", "z", "# A\nz"},
		{"# A\n\n  ", "A", "z", "# A\nz\n\n  "},
		{"A\n===\nx\n\nB\n===\n", "A", "z", "A\n===\nx\nz\n\nB\n===\n"},
		{"# A\r\nx\r\n\r\n# B\r\n", "A", "z", "# A\r\nx\r\nz\r\n\r\n# B\r\n"},
		{"# A\n```\n# B\n```\n\n# C", "A", "z", "# A\n```\n# B\n```\nz\n\n# C"},
		{"# A\nx\n## A\ny\n", "## A", "z", "# A\nx\n## A\ny\nz"},
		{"# Tasks\nx\n# tasks\ny", "tasks", "z", "# Tasks\nx\n# tasks\ny\nz"},
		{"# Tasks\nx", " TASKS ", "z", "# Tasks\nx\nz"},
		{"# Änderungen\nx", "## änderungen ##", "z", ""},
		{"# Änderungen\nx", "# änderungen #", "z", "# Änderungen\nx\nz"},
		{"# A\nx", "A", "", "# A\nx"},
	} {
		request := jsonOf(map[string]string{"append": row.with, "heading": row.heading})
		if row.after == "" {
			if _, _, err := edited(t, `{"content":`+jsonOf(row.before)+`}`, request); !failsWith(err, fault.EditMismatch, "content") {
				t.Errorf("%q under %s: %v", row.before, row.heading, err)
			}
			continue
		}
		if got := textAfter(t, row.before, request); got != row.after {
			t.Errorf("%q under %s: %q, want %q", row.before, row.heading, got, row.after)
		}
	}
}

func TestAHeadingThatIsUnknownOrAmbiguousIsRefusedWithThoseThereAre(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		before, heading string
		count           int
		places, says    string
	}{
		{"", "A", 0, "[]", "content has no headings"},
		{"# B\n\n## C\n", "A", 0, "[{1 # B} {3 ## C}]", "content has no such heading; details.headings has those it has"},
		{"# A\n# B\n## A\n", "A", 2, "[{1 # A} {3 ## A}]", "content has several such headings; send one with its level, such as \"## Title\", or send edits"},
		{"# a\n# A\n# B\n", "# á", 0, "[{1 # a} {2 # A} {3 # B}]", "content has no such heading; details.headings has those it has"},
		{"# aa\n# AA\n# B\n", "Aa", 2, "[{1 # aa} {2 # AA}]", "content has several such headings; send one with its level, such as \"## Title\", or send edits"},
	} {
		request := jsonOf(map[string]string{"append": "x", "heading": row.heading})
		_, _, err := edited(t, `{"content":`+jsonOf(row.before)+`}`, request)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.EditMismatch || f.Message != row.says || f.Details["occurrences"] != row.count || fmt.Sprint(f.Details["headings"]) != row.places {
			t.Errorf("%q under %s: %+v", row.before, row.heading, f)
		}
	}
	_, _, err := edited(t, `{"content":`+jsonOf(strings.Repeat("# "+strings.Repeat("x", 300)+"\n", 13))+`}`, `{"append":"x","heading":"A"}`)
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Details["headings"].([]headingPlace)) != 13 || len(f.Details["headings"].([]headingPlace)[0].Text) > 210 {
		t.Errorf("%+v", f)
	}
	_, _, err = edited(t, `{"content":`+jsonOf(strings.Repeat("# x\n", 60))+`}`, `{"append":"x","heading":"A"}`)
	if !errors.As(err, &f) || len(f.Details["headings"].([]headingPlace)) != maxHeadings || f.Details["more"] != 10 {
		t.Errorf("%+v", f)
	}
}
