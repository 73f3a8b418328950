package search

import (
	"strings"
	"testing"
)

const (
	english  = "The quick brown fox, who doesn't jump over 13 lazy dogs (see getUserName in foo_bar.go), runs away. "
	european = "Die Größe der Straße überrascht: Übungen für Schüler, crème brûlée, Łódź; ёлка и снег. "
	chinese  = "北京大学的学生今天去东京旅行，他们喜欢拉面。"
)

func BenchmarkIndex(b *testing.B) {
	for name, sentence := range map[string]string{"English": english, "European": european, "Chinese": chinese} {
		for size, bytes := range map[string]int{"3kB": 3_000, "1MB": 1_000_000} {
			text := Text{Title: "A title", Body: strings.Repeat(sentence, bytes/len(sentence))}
			b.Run("FTS5/"+name+"/"+size, func(b *testing.B) {
				b.SetBytes(int64(len(text.Body)))
				for b.Loop() {
					NewRow(alice, note, text)
				}
			})
			b.Run("PostgreSQL/"+name+"/"+size, func(b *testing.B) {
				b.SetBytes(int64(len(text.Body)))
				for b.Loop() {
					NewTSVector(alice, note, text)
				}
			})
		}
	}
}

func BenchmarkSnippet(b *testing.B) {
	q := parsed(b, `lazy "runs away" nothing`)
	for size, bytes := range map[string]int{"3kB": 3_000, "1MB": 1_000_000} {
		text := strings.Repeat(english, bytes/len(english))
		b.Run(size, func(b *testing.B) {
			for b.Loop() {
				Snippet(text, q)
			}
		})
	}
}

func BenchmarkPreview(b *testing.B) {
	text := strings.Repeat(english, 10_000)
	for b.Loop() {
		Preview(text)
	}
}
