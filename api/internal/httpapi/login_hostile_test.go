package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever a gateway passes on from a form or an address, a store must be able to look it up.
func TestNoTextMakesARouteOfLoginFail(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		texts := []string{"\x00", "a\x00b", "\ufffd", "\U0010ffff", "'; DROP TABLE login_account; --", "%", "?", "$1", strings.Repeat("é", 4000), " ", ""}
		asked := 0
		for path, item := range described(t).Paths.Map() {
			name, isOne := strings.CutPrefix(path, "/v1/login/")
			if !isOne || item.Post == nil {
				continue
			}
			schema := item.Post.RequestBody.Value.Content["application/json"].Schema.Value
			for _, text := range texts {
				for _, session := range []string{text, ann.session} {
					body := fields{}
					for member, of := range schema.Properties {
						switch {
						case member == "session":
							body[member] = session
						case of.Value.Type.Is("string"):
							body[member] = text
						case of.Value.Type.Is("array"):
							body[member] = []string{text}
						case of.Value.Type.Is("object"):
							body[member] = fields{"id": text, "name": text, "host": text}
						case of.Value.Type.Is("integer"):
							body[member] = 60
						}
					}
					encoded, _ := json.Marshal(body)
					if got := p.gateway().call("POST", path, string(encoded)); got.status >= 500 {
						t.Errorf("%s with %.20q: %d %s", name, text, got.status, got.body)
					}
					asked++
				}
			}
		}
		if asked < 20*len(texts) {
			t.Errorf("only %d requests", asked)
		}
		p.signsIn("ann", goodPassword, fields{"address": "203.0.113.1"}).is(200)
	})
}
