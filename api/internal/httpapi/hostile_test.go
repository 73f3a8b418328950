package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
)

// hostile is text that has broken one parser or another.
var hostile = []string{
	"", " ", "\x00", "\xff\xfe", "\r\n", "..", "../..", "%00", "%", "'", "'; DROP TABLE item; --", "\"", "\\", "null", "{}", "[]",
	"-1", "0", "1e309", "NaN", "9223372036854775808", "18446744073709551616", "\u202e", "😀", "\ufeff", "{" + someUID + "}", "urn:uuid:",
	nilUID, strings.Repeat("0", 32), strings.Repeat("a", 4000), "<script>", "${7*7}", "a|b", "MXw", "new",
}

func TestNothingAClientSendsIsAServerError(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, "").UID
		v1 := u.signing(auth.V1)
		checkAs := func(u user, method, path, body string, change header) {
			t.Helper()
			if got := u.call(method, path, body, change); got.status >= 500 {
				t.Errorf("%s with %.80q, %v: %d %s", got.request, body, change, got.status, got.body)
			}
		}
		check := func(method, path, body string, change header) {
			t.Helper()
			checkAs(u, method, path, body, change)
		}
		for _, text := range hostile {
			inPath, inQuery := url.PathEscape(text), url.QueryEscape(text)
			for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
				check(method, path(e)+"/"+inPath, "{}", nil)
			}
			check("GET", "/v1/sync/sessions/"+inPath, "", nil)
			check("GET", path(e)+"?cursor="+inQuery+"&limit="+inQuery, "", nil)
			check("GET", path(e)+"?"+inQuery, "", nil)
			for _, body := range []string{text, `{"a":` + text + `}`, `{"a":"` + text + `"}`, `{"` + text + `":1}`, `{"uid":"` + text + `"}`,
				`{"action":"` + text + `"}`, `{"confirm":"` + text + `"}`, `{"parentUid":"` + text + `","chatUid":"` + text + `","parentType":"note"}`,
				`{"field":"` + text + `","append":"x"}`, `{"append":"` + text + `","heading":"` + text + `"}`, `{"edits":[{"find":"` + text + `","replace":"` + text + `"}]}`, `{"add":["` + text + `"]}`} {
				check("POST", path(e), body, nil)
				check("PUT", one, body, nil)
				check("PATCH", one, body, nil)
				check("POST", one+"/process", body, nil)
				check("POST", one+"/edit", body, nil)
				check("POST", one+"/tags", body, nil)
				check("POST", "/v1/sync/wipe", body, nil)
			}
			if strings.ContainsAny(text, "\x00\r\n") {
				continue // no HTTP client can send it in a header
			}
			for _, name := range []string{
				"Authorization", "X-TB-Tenant-ID", "Content-Digest", "Signature-Input", "Signature", "X-Sync-Session", "X-Sync-Epoch", "If-Match", "X-Correlation-ID", "X-Request-Timeout-Ms",
			} {
				check("PATCH", one, "{}", set(name, text))
			}
			for _, name := range []string{"X-TB-Tenant-ID", "X-TB-Timestamp", "X-TB-Signature"} {
				checkAs(v1, "PATCH", one, "{}", set(name, text))
			}
		}
		if log := u.log.String(); strings.Contains(log, `"level":"ERROR"`) {
			t.Error("an error was logged")
		}
	})
}
