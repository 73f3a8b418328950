package search

import (
	"slices"
	"strings"
	"testing"
)

func termsOf(text string) (found []string) {
	for t := newTerms(text); t.next(); {
		found = append(found, string(t.term))
	}
	return found
}

func TestATextIsDividedIntoTerms(t *testing.T) {
	for text, want := range map[string]string{
		"":                                        "",
		" \n\t.,;":                                "",
		"Hello, World":                            "hello world",
		"Straße STRASSE straẞe":                   "strasse strasse strasse",
		"Crème brûlée, cre\u0300me":               "creme brulee creme",
		"Łódź Ærø Þór İstanbul ışık":              "lodz aero thor istanbul isik",
		"ΣΊΣΥΦΟΣ Σίσυφος":                         "σισυφοσ σισυφοσ",
		"Ёлка ЁЛКА":                               "елка елка",
		"ﬁle ＦＵＬＬ２ ½ ①":                           "file full2 1 2 1",
		"getUserName foo_bar a.b.c C++":           "getusername foo bar a b c c",
		"2026-11-20T10:00 1,000.50":               "2026 11 20t10 00 1 000 50",
		"don't don’t donʼt l'eau":                 "don t don t don t l eau",
		"so\u00ADft zero\u200Bwidth a\u200D":      "soft zerowidth a",
		"bad\xff\xfebytes nul\x00nul":             "bad bytes nul nul",
		"party🎉done 👍🏽 👨\u200d👩":                  "party 🎉 done 👍 👨 👩",
		"Java™ x²":                                "java x2",
		"٢٠٢٦ २०२६":                               "2026 2026",
		"أَحْمَد إلى آب":                          "احمد الى اب",
		"שָׁלוֹם مُحَمَّد":                        "שלום محمد",
		"हिन्दी":                                  "हिन्दी",
		"東京都":                                     "東京 京都 都",
		"京":                                       "京",
		"東京 大阪":                                   "東京 京 大阪 阪",
		"iPhone手机2台":                              "iphone 手机 机 2 台",
		"ガ ｶﾞ カ\u3099":                            "ガ ガ ガ",
		"한글 \u1112\u1161\u11ab\u1100\u1173\u11af": "한글 글 한글 글",
		"กินข้าว":                                 "กิน นข้ ข้า าว ว",
		"ラーメン":                                    "ラー ーメ メン ン",
	} {
		if got := strings.Join(termsOf(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestALongWordIsARowOfPieces(t *testing.T) {
	got := termsOf(strings.Repeat("x", 2*maxWord+1))
	want := []string{strings.Repeat("x", maxWord), strings.Repeat("x", maxWord), "x"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, piece := range termsOf("क" + strings.Repeat("\u093e", 10_000) + strings.Repeat("क्", 10_000)) {
		if len(piece) > 8*maxWord {
			t.Errorf("a piece of %d bytes", len(piece))
		}
	}
}

func TestTermsHaveTheirPlaces(t *testing.T) {
	text := "  Crème, 東京都x ﬁ "
	var places []string
	for found := newTerms(text); found.next(); {
		places = append(places, text[found.start:found.end])
	}
	if want := []string{"Crème", "東京", "京都", "都", "x", "ﬁ"}; !slices.Equal(places, want) {
		t.Errorf("%q", places)
	}
}
