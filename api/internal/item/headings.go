package item

import (
	"iter"
	"strings"

	"toolbridge/api/internal/fault"
)

// heading is a heading of a Markdown text.
type heading struct {
	level int // 1 to 6; 0 when a request names none
	text  string
	line  int // counted from 1
	from  int // where its first line begins
	body  int // where the line after it begins
}

// String is the heading as Markdown has it on one line.
func (h heading) String() string { return strings.Repeat("#", h.level) + " " + h.text }

// readHeading reads how a request names a heading: by its text, or by its line, which
// names the level too. It is not ok when that is no single line.
func readHeading(name string) (h heading, ok bool) {
	name = strings.TrimSpace(name)
	if h, ok := hashHeading(name); ok {
		return h, true
	}
	return heading{text: name}, !strings.ContainsAny(name, "\r\n")
}

// is reports whether this is the heading that a request names.
func (h heading) is(named heading, same func(a, b string) bool) bool {
	return (named.level == 0 || named.level == h.level) && same(h.text, named.text)
}

// sectionEnd is where a text goes that is added to the section of a heading: in front of
// the next heading of the same or a higher level, and of the blank lines before that. If
// no heading is exactly the one that is named, one in other case is.
func sectionEnd(text, field, name string) (int, error) {
	named, _ := readHeading(name)
	var all, exact, folded matching
	for h := range headings(text) {
		all.add(h)
		if h.is(named, func(a, b string) bool { return a == b }) {
			exact.add(h)
		}
		if h.is(named, strings.EqualFold) {
			folded.add(h)
		}
	}
	found := exact
	if exact.count == 0 {
		found = folded
	}
	if found.count != 1 {
		return 0, headingMismatch(field, name, found, all)
	}
	return found.first.sectionEnd(text), nil
}

// matching is the headings that a search has found.
type matching struct {
	count  int
	first  heading
	places []headingPlace // of the first maxHeadings
}

// headingPlace is a heading as a refusal names it.
type headingPlace struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Bounds of what a refusal says of headings.
const (
	maxHeadings     = 50
	maxHeadingRunes = 200
)

func (m *matching) add(h heading) {
	if m.count++; m.count == 1 {
		m.first = h
	}
	if m.count <= maxHeadings {
		m.places = append(m.places, headingPlace{h.line, beginning(h.String(), maxHeadingRunes)})
	}
}

// headingMismatch names the headings that a request can mean, or else all that there are.
func headingMismatch(field, name string, found, all matching) error {
	sentence, shown := "has no such heading; details.headings has those it has", all
	switch {
	case found.count > 1:
		sentence, shown = "has several such headings; send one with its level, such as \"## Title\", or send edits", found
	case all.count == 0:
		sentence, shown.places = "has no headings", []headingPlace{}
	}
	facts := fault.Facts{
		"field": shortened(field), "heading": shortened(name), "expected": 1, "occurrences": found.count, "headings": shown.places,
	}
	if more := shown.count - len(shown.places); more > 0 {
		facts["more"] = more
	}
	return fault.New(fault.EditMismatch, "%s %s", shortened(field), sentence).With(facts)
}

func (h heading) sectionEnd(text string) int {
	end := len(text)
	for next := range headings(text) {
		if next.from > h.from && next.level <= h.level {
			end = next.from
			break
		}
	}
	for end > h.body {
		last := strings.LastIndexByte(text[:end-1], '\n') + 1
		if strings.TrimSpace(text[last:end]) != "" {
			break
		}
		end = max(last, h.body)
	}
	return end
}

// headings goes through the headings of a Markdown text that are not part of a list or
// quotation: lines that begin with number signs, and lines that are underlined. What
// stands in fenced or indented code, in HTML comments, or in the properties at the top
// between lines of "---" is no heading.
func headings(text string) iter.Seq[heading] {
	return func(yield func(heading) bool) {
		o := outline{text: text, paragraph: noParagraph}
		o.skipProperties()
		for o.at < len(text) {
			if h, ok := o.next(); ok && !yield(h) {
				return
			}
		}
	}
}

const noParagraph = -1

// outline is a reader of Markdown that knows just enough to tell headings from the rest.
type outline struct {
	text      string
	at        int
	line      int    // of the last line that was read
	fence     string // that the code which is open began with; empty outside of code
	html      string // with which the HTML that is open ends; empty outside of it
	paragraph int    // where the open one begins; noParagraph outside of one
	began     int    // the line where it did
	inner     bool   // whether the paragraph belongs to a list or quotation
	list      bool   // whether indented text still belongs to a list
	blank     bool   // whether the line before was blank
}

// skipProperties skips properties (front matter): a first line "---", then lines of which
// none is blank, then another such line.
func (o *outline) skipProperties() {
	probe := outline{text: o.text}
	if strings.TrimRight(probe.read(), " \t") != "---" {
		return
	}
	for probe.at < len(o.text) {
		switch line := strings.TrimRight(probe.read(), " \t"); line {
		case "":
			return
		case "---", "...":
			o.at, o.line = probe.at, probe.line
			return
		}
	}
}

// read returns the next line without its break.
func (o *outline) read() string {
	line, _, found := strings.Cut(o.text[o.at:], "\n")
	o.at += len(line)
	if found {
		o.at++
	}
	o.line++
	return strings.TrimSuffix(line, "\r")
}

// next reads a line, and returns the heading that ends with it, if one does.
func (o *outline) next() (heading, bool) {
	from := o.at
	line := o.read()
	text, indent := unindented(line)
	switch {
	case o.fence != "":
		if indent < 4 && closesFence(text, o.fence) {
			o.fence = ""
		}
		return heading{}, false
	case o.html != "":
		o.endHTML(line)
		return heading{}, false
	case text == "":
		o.paragraph, o.blank = noParagraph, true
		return heading{}, false
	}
	afterBlank := o.blank
	o.blank = false
	if indent == 0 && afterBlank && listItem(text) == "" {
		o.list = false
	}
	if indent >= 4 {
		return heading{}, false // code, or more of a paragraph
	}
	return o.block(from, text, o.list && indent > 0)
}

// block reads a line that is not indented like code. Inner is whether it belongs to a
// list.
func (o *outline) block(from int, text string, inner bool) (heading, bool) {
	if fence := opensFence(text); fence != "" {
		o.fence, o.paragraph = fence, noParagraph
		return heading{}, false
	}
	if h, ok := hashHeading(text); ok && !inner {
		o.paragraph, o.list = noParagraph, false
		h.line, h.from, h.body = o.line, from, o.at
		return h, true
	}
	if level := underline(text); level > 0 && o.paragraph != noParagraph && !o.inner && !inner {
		h := heading{level: level, text: paragraphText(o.text[o.paragraph:from]), line: o.began, from: o.paragraph, body: o.at}
		o.paragraph = noParagraph
		return h, true
	}
	switch rest := listItem(text); {
	case thematicBreak(text):
		o.paragraph, o.list = noParagraph, o.list && inner
	case rest != "":
		o.list = true
		o.begin(from, true)
		o.fence = opensFence(strings.TrimLeft(rest, " \t"))
	case text[0] == '>':
		o.begin(from, true)
	case o.beginHTML(text):
		o.paragraph = noParagraph
	case o.paragraph == noParagraph:
		o.begin(from, inner)
	}
	return heading{}, false
}

func (o *outline) begin(from int, inner bool) { o.paragraph, o.began, o.inner = from, o.line, inner }

// unindented is a line without its indentation and the width of that.
func unindented(line string) (text string, width int) {
	text = strings.TrimLeft(line, " \t")
	for _, c := range line[:len(line)-len(text)] {
		if c == '\t' {
			width += 4 - width%4
			continue
		}
		width++
	}
	return strings.TrimRight(text, " \t"), width
}

// hashHeading reads a line such as "## Title ##".
func hashHeading(line string) (heading, bool) {
	text := strings.TrimLeft(line, "#")
	level := len(line) - len(text)
	if level < 1 || level > 6 || text != "" && text[0] != ' ' && text[0] != '\t' || strings.ContainsAny(text, "\r\n") {
		return heading{}, false
	}
	text = strings.TrimSpace(text)
	if open := strings.TrimRight(text, "#"); open == "" || strings.HasSuffix(open, " ") || strings.HasSuffix(open, "\t") {
		text = strings.TrimSpace(open)
	}
	return heading{level: level, text: text}, true
}

// underline is the level of the heading that a line makes of the paragraph above it; 0
// when it is no such line.
func underline(line string) int {
	switch {
	case strings.Trim(line, "=") == "":
		return 1
	case strings.Trim(line, "-") == "":
		return 2
	}
	return 0
}

// paragraphText is the text of a paragraph on one line.
func paragraphText(paragraph string) string {
	lines := strings.Split(paragraph, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

// thematicBreak reports whether a line is a thematic break, such as "* * *".
func thematicBreak(line string) bool {
	sign := line[:1]
	return strings.Contains("*-_", sign) && strings.Count(line, sign) >= 3 && strings.Trim(line, sign+" \t") == ""
}

// listItem is what follows the mark of a list item, the white space included; empty when
// the line has no such mark.
func listItem(line string) string {
	rest := strings.TrimLeft(line, "0123456789")
	digits := len(line) - len(rest)
	switch {
	case rest == "" || digits > 9:
		return ""
	case digits > 0 && (rest[0] == '.' || rest[0] == ')'), digits == 0 && strings.IndexByte("-*+", rest[0]) >= 0:
		if len(rest) == 1 {
			return " "
		}
		if rest[1] == ' ' || rest[1] == '\t' {
			return rest[1:]
		}
	}
	return ""
}

// opensFence is the fence that a line opens a block of code with; empty for none.
func opensFence(line string) string {
	const least = 3
	for _, sign := range []string{"`", "~"} {
		info := strings.TrimLeft(line, sign)
		if size := len(line) - len(info); size >= least && (sign == "~" || !strings.Contains(info, "`")) {
			return line[:size]
		}
	}
	return ""
}

func closesFence(line, fence string) bool {
	return len(line) >= len(fence) && strings.Trim(line, fence[:1]) == ""
}

// rawHTML are the beginnings of HTML that lasts to an end of its own.
var rawHTML = map[string]string{"<!--": "-->", "<pre": "</pre>", "<script": "</script>", "<style": "</style>", "<textarea": "</textarea>"}

// beginHTML notes the HTML that begins with a line, if it does not end there.
func (o *outline) beginHTML(line string) bool {
	if line[0] != '<' {
		return false
	}
	lower := strings.ToLower(line[:min(len(line), len("<textarea>"))])
	for begin, end := range rawHTML {
		if !strings.HasPrefix(lower, begin) || begin != "<!--" && len(lower) > len(begin) && strings.IndexByte(" \t>", lower[len(begin)]) < 0 {
			continue
		}
		o.html = end
		o.endHTML(line[len(begin):])
		return true
	}
	return false
}

func (o *outline) endHTML(line string) {
	if strings.Contains(strings.ToLower(line), o.html) {
		o.html = ""
	}
}
