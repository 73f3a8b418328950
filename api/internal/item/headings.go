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
	list      int    // how far text is indented that belongs to the list item; 0 outside of one
	paragraph int    // where the open one begins; noParagraph outside of one
	began     int    // the line where it did
	inner     bool   // whether it belongs to a list item or quotation
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
	if text == "" {
		o.paragraph = noParagraph
		return heading{}, false
	}
	if indent < o.list && !o.continues(text) {
		o.list, o.fence, o.html, o.paragraph = 0, "", "", noParagraph
	}
	switch {
	case o.html != "":
		o.endHTML(line)
	case indent-o.list >= 4: // code, or more of a paragraph
	case o.fence != "":
		if closesFence(text, o.fence) {
			o.fence = ""
		}
	default:
		return o.block(from, text, indent)
	}
	return heading{}, false
}

// continues reports whether a line that is indented too little for a list item is more of
// the paragraph in it.
func (o *outline) continues(text string) bool {
	_, isHeading := hashHeading(text)
	begin, _ := opensHTML(text)
	return o.paragraph != noParagraph && !isHeading && begin == "" && opensFence(text) == "" && !thematicBreak(text) &&
		listItem(text) == "" && text[0] != '>'
}

// block reads a line that may begin or end something. What is in a list item is of no
// interest, but for its end.
func (o *outline) block(from int, text string, indent int) (heading, bool) {
	if o.fence = opensFence(text); o.fence != "" {
		o.paragraph = noParagraph
		return heading{}, false
	}
	if h, ok := hashHeading(text); ok {
		o.paragraph = noParagraph
		h.line, h.from, h.body = o.line, from, o.at
		return h, o.list == 0
	}
	if level := underline(text); level > 0 && o.paragraph != noParagraph && !o.inner {
		h := heading{level: level, text: paragraphText(o.text[o.paragraph:from]), line: o.began, from: o.paragraph, body: o.at}
		o.paragraph = noParagraph
		return h, true
	}
	o.rest(from, text, indent)
	return heading{}, false
}

// rest reads a line that is no part of a heading.
func (o *outline) rest(from int, text string, indent int) {
	content := listItem(text)
	begin, end := opensHTML(text)
	switch {
	case thematicBreak(text):
		o.paragraph = noParagraph
	case content != "" && (o.paragraph == noParagraph || o.inner || interrupts(text, content)):
		o.item(from, text, content, indent)
	case text[0] == '>':
		o.begin(from, true)
	case begin != "":
		o.paragraph, o.html = noParagraph, end
		o.endHTML(text[len(begin):])
	case o.paragraph == noParagraph:
		o.begin(from, o.list > 0)
	}
}

// item reads the first line of a list item.
func (o *outline) item(from int, text, content string, indent int) {
	inside := strings.TrimLeft(content, " \t")
	if o.list == 0 {
		space := len(content) - len(inside)
		if space > 4 || inside == "" {
			space = 1
		}
		o.list = indent + len(text) - len(content) + space
	}
	o.paragraph = noParagraph
	o.fence = opensFence(inside)
	if _, isHeading := hashHeading(inside); inside != "" && o.fence == "" && !isHeading && !thematicBreak(inside) {
		o.begin(from, true)
	}
}

// interrupts reports whether a list item can begin in the middle of a paragraph.
func interrupts(text, content string) bool {
	number := strings.TrimLeft(text, "0123456789")
	return strings.TrimSpace(content) != "" && (len(number) == len(text) || text[:len(text)-len(number)] == "1")
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

// rawHTML are the beginnings of HTML that lasts to an end of its own, and these ends.
var rawHTML = [][2]string{{"<!--", "-->"}, {"<pre", "</pre>"}, {"<script", "</script>"}, {"<style", "</style>"}, {"<textarea", "</textarea>"}}

// opensHTML is with what a line opens HTML of this kind, and what ends it; empty when it
// does not.
func opensHTML(line string) (begin, end string) {
	if line[0] != '<' {
		return "", ""
	}
	lower := strings.ToLower(line[:min(len(line), len("<textarea>"))])
	for _, kind := range rawHTML {
		rest, ok := strings.CutPrefix(lower, kind[0])
		if ok && (kind[0] == "<!--" || rest == "" || strings.IndexByte(" \t>", rest[0]) >= 0) {
			return kind[0], kind[1]
		}
	}
	return "", ""
}

func (o *outline) endHTML(line string) {
	if strings.Contains(strings.ToLower(line), o.html) {
		o.html = ""
	}
}
