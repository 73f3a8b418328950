package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// announced sends the head of a request without its body, and returns the first
// response.
func (u user) announced(url, line string, changes header) answer {
	u.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = conn.Close() })
	h := u.headers()
	for name, values := range changes {
		h[name] = values
	}
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: api\r\n", line)
	if err := h.Write(conn); err != nil {
		u.t.Fatal(err)
	}
	fmt.Fprint(conn, "\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		u.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return answer{u.t, line, response.StatusCode, response.Header, body}
}

func TestABodyThatSaysItIsTooLargeIsNeitherAskedForNorRead(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, length := range []string{"1048577", "1099511627776"} {
		for _, line := range []string{"POST /v1/notes", "PUT /v1/notes/" + someUID, "POST /v1/notes/" + someUID + "/process"} {
			for _, expect := range [][]string{nil, {"100-continue"}} {
				got := u.announced(u.url, line, header{"Content-Length": {length}, "Expect": expect}).fails(413, "body_too_large")
				if got.detail("maxBytes") != float64(1<<20) {
					t.Errorf("details %s", got.body)
				}
			}
		}
	}
	u.announced(u.url, "POST /v1/sync/wipe", header{"Content-Length": {"4097"}}).fails(413, "body_too_large")
}

func TestABodyThatIsAwaitedIsAskedFor(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	got := u.announced(u.url, "POST /v1/notes", header{"Content-Length": {"2"}, "Expect": {"100-continue"}})
	got.is(http.StatusContinue)
}

func TestABodyThatDoesNotArriveIsATimeout(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	impatient := httptest.NewUnstartedServer(u.handler)
	impatient.Config.ReadHeaderTimeout, impatient.Config.ReadTimeout = time.Minute, time.Nanosecond
	impatient.Start()
	t.Cleanup(impatient.Close)
	for _, line := range []string{"POST /v1/notes", "PUT /v1/notes/" + someUID, "POST /v1/sync/wipe"} {
		u.announced(impatient.URL, line, header{"Content-Length": {"2"}}).fails(408, "request_timeout").
			says("the request body did not arrive in time; send the request again")
	}
	u.announced(impatient.URL, "POST /v1/notes", header{"Transfer-Encoding": {"chunked"}}).fails(408, "request_timeout")
}
