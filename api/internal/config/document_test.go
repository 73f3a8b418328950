package config

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

func TestTheDocumentIsTheOneInReview(t *testing.T) {
	const file = "../../../docs/configuration.md"
	got := render()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("the settings changed: run `scripts/generate.sh settings` and review docs/configuration.md")
	}
}

func TestEverySettingThatIsReadIsDocumentedAndInTheExample(t *testing.T) {
	var read, documented []string
	_, _ = FromEnv(func(name string) (string, bool) {
		if !strings.HasPrefix(name, "TOOLBRIDGE_") { // the gateway's own, where the API takes them too
			read = append(read, name)
		}
		return "", false
	})
	text, err := os.ReadFile("../../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		documented = append(documented, s.name)
		if !strings.Contains(string(text), "\n#"+s.name+"=") {
			t.Errorf("%s is not in .env.example", s.name)
		}
	}
	slices.Sort(read)
	slices.Sort(documented)
	if !slices.Equal(read, documented) {
		t.Errorf("read       %v\ndocumented %v", read, documented)
	}
}

func render() string {
	var b strings.Builder
	b.WriteString(`# Configuration of the API

Written by ` + "`scripts/generate.sh settings`" + ` from ` + "`api/internal/config/settings.go`" + `.

The API reads these environment variables once, when it starts; only files with keys are read again. If one of them is wrong, or set but empty, the API does
not start, and the message names the variable. The settings of the gateway are in [gateway-settings.md](gateway-settings.md).

| variable | default | meaning |
|---|---|---|
`)
	for _, s := range settings {
		fallback := "none"
		if s.fallback != "" {
			fallback = "`" + s.fallback + "`"
		}
		b.WriteString("| `" + s.name + "` | " + fallback + " | " + s.meaning + " |\n")
	}
	return b.String()
}
