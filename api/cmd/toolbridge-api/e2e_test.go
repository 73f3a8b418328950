package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/auth"
)

const secret = "a-secret-of-the-end-to-end-test-0123456789"

// binary is the built program, made once for all tests of the package.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "toolbridge-api")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "toolbridge-api")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintln(os.Stderr, string(output))
		return 1
	}
	return m.Run()
}

// running is a started program.
type running struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
}

func environment(addr, database string) []string {
	return []string{
		"HTTP_ADDR=" + addr, "DATABASE_URL=sqlite://" + database, "JWT_HS256_SECRET=" + secret,
		"TENANT_ID=acme", "TENANT_HEADER_SECRET=" + secret,
	}
}

// launch starts the program and waits for the line that says it listens.
func launch(t *testing.T, env []string) *running {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = env
	return started(t, cmd)
}

// started is launch of a program that was prepared.
func started(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() {
		t.Fatal("the program said nothing")
	}
	var first struct{ Message, Addr string }
	if err := json.Unmarshal(lines.Bytes(), &first); err != nil || first.Message != "listening" {
		t.Fatalf("first line %s", lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return &running{t: t, cmd: cmd, url: "http://" + first.Addr}
}

func (r *running) signal(s os.Signal) { _ = r.cmd.Process.Signal(s) }

// exit waits for the program's end and returns its exit code, -1 for a signal.
func (r *running) exit() int {
	_ = r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

func (r *running) call(method, path, body string, headers ...[2]string) (int, []byte, error) {
	return r.callAs("alice", method, path, body, headers...)
}

func (r *running) callAs(sub, method, path, body string, headers ...[2]string) (int, []byte, error) {
	sent, err := headersOf(sub)
	if err != nil {
		return 0, nil, err
	}
	return r.send(sent, method, path, body, headers...)
}

// send sends a request with headers, of which the last ones replace others.
func (r *running) send(sent http.Header, method, path, body string, headers ...[2]string) (int, []byte, error) {
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header = sent
	for _, header := range headers {
		request.Header.Set(header[0], header[1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return response.StatusCode, got, err
}

// headersOf are the headers with which a user may call.
func headersOf(sub string) (http.Header, error) { return headersWith(sub, secret, secret) }

// headersWith are the headers of a user whose token, and a gateway whose signature, are made
// with these secrets.
func headersWith(sub, token, tenant string) (http.Header, error) {
	claims := jwt.MapClaims{"sub": sub, "exp": time.Now().Add(time.Hour).Unix()}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(token))
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	h := http.Header{}
	h.Set("Authorization", "Bearer "+signed)
	h.Set("X-TB-Tenant-ID", "acme")
	h.Set("X-TB-Timestamp", timestamp)
	h.Set("X-TB-Signature", auth.Sign(tenant, "acme", timestamp))
	h.Set("X-Sync-Session", "new")
	return h, nil
}

func TestEveryAcknowledgedWriteSurvivesAKill(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "data", "api.db")
	api := launch(t, environment("127.0.0.1:0", database))
	acknowledged := make(chan string, 10_000)
	enough := make(chan struct{})
	var once sync.Once
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				status, body, err := api.call("POST", "/v1/notes", `{"title":"kept"}`)
				if err != nil {
					return // the kill
				}
				var created struct{ UID string }
				if status != http.StatusCreated || json.Unmarshal(body, &created) != nil {
					t.Errorf("status %d: %s", status, body)
					return
				}
				acknowledged <- created.UID
				if len(acknowledged) > 1_000 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	<-enough
	api.signal(syscall.SIGKILL)
	writers.Wait()
	if code := api.exit(); code != -1 {
		t.Errorf("exit code %d after a kill", code)
	}
	close(acknowledged)
	intact(t, database)
	if said := done(t, "sqlite://"+database, "journal", "verify"); !strings.HasPrefix(said, "owners=1 lines=") {
		t.Errorf("the journal: %s", said)
	}

	again := launch(t, environment("127.0.0.1:0", database))
	for uid := range acknowledged {
		if status, body, err := again.call("GET", "/v1/notes/"+uid, ""); err != nil || status != http.StatusOK {
			t.Errorf("%s is lost: %d %s %v", uid, status, body, err)
		}
	}
}

// intact checks the integrity of a SQLite file.
func intact(t *testing.T, database string) {
	t.Helper()
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %q, %v", verdict, err)
	}
}

func TestManyWritersOfALargeItemAreAllAnswered(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		manyWriters(t, launch(t, environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db"))))
	})
	t.Run("PostgreSQL", func(t *testing.T) { manyWriters(t, replicas(t)[0]) })
}

func manyWriters(t *testing.T, api *running) {
	const large, writers, others = "/v1/notes/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", 250, 20
	body := `{"uid":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee","blob":["` + strings.Repeat("x", 1_500_000) + `","` + strings.Repeat("y", 1_500_000) + `"]}`
	if status, answer, err := api.call("POST", "/v1/notes", body); status != http.StatusCreated {
		t.Fatalf("%d %.200s %v", status, answer, err)
	}
	var wg sync.WaitGroup
	var alices, bobs sync.Map // what was written to its status
	write := func(statuses *sync.Map, sub, name, method, path, body string) {
		status, answer, err := api.callAs(sub, method, path, body)
		if err != nil || status != http.StatusServiceUnavailable && status/100 != 2 {
			t.Errorf("%s %s: status %d, %v: %.200s", sub, name, status, err, answer)
		}
		statuses.Store(name, status)
	}
	for i := range writers {
		key := fmt.Sprintf("key%d", i)
		wg.Go(func() { write(&alices, "alice", key, "PATCH", large, `{"`+key+`":1}`) })
	}
	for i := range others {
		uid := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		wg.Go(func() { write(&bobs, "bob", uid, "POST", "/v1/notes", `{"uid":"`+uid+`"}`) })
	}
	wg.Wait()

	var item struct{ Payload map[string]any }
	if _, answer, err := api.call("GET", large, ""); err != nil || json.Unmarshal(answer, &item) != nil {
		t.Fatal(err)
	}
	counts := map[int]int{}
	alices.Range(func(key, status any) bool {
		counts[status.(int)]++
		if _, stored := item.Payload[key.(string)]; stored != (status == http.StatusOK) {
			t.Errorf("%s: status %d, stored %v", key, status, stored)
		}
		return true
	})
	bobs.Range(func(uid, status any) bool {
		counts[status.(int)]++
		read, _, err := api.callAs("bob", "GET", "/v1/notes/"+uid.(string), "")
		if err != nil || (read == http.StatusOK) != (status == http.StatusCreated) {
			t.Errorf("%s: status %d, then read with %d, %v", uid, status, read, err)
		}
		return true
	})
	if counts[http.StatusOK] == 0 {
		t.Error("nobody was served")
	}
	t.Logf("answers by status: %v", counts)
}

func TestASignalEndsTheProgramWithSuccess(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			api := launch(t, environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")))
			if status, _, err := api.call("GET", "/readyz", ""); err != nil || status != http.StatusOK {
				t.Errorf("ready: %d, %v", status, err)
			}
			api.signal(s)
			if code := api.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestACallUnderWayIsFinishedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	api := launch(t, environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")))
	addr := strings.TrimPrefix(api.url, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	headers, err := headersOf("alice")
	if err != nil {
		t.Fatal(err)
	}
	headers.Set("Expect", "100-continue")
	fmt.Fprint(conn, "POST /v1/notes HTTP/1.1\r\nHost: api\r\nContent-Length: 2\r\n")
	if err := headers.Write(conn); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "\r\n")
	responses := bufio.NewReader(conn)
	// The call is under way once the server asks for its body.
	if asked, err := http.ReadResponse(responses, nil); err != nil || asked.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v", asked, err)
	}
	api.signal(syscall.SIGTERM)
	for closing := false; !closing; { // until the server takes no more connections
		other, err := net.Dial("tcp", addr)
		if closing = err != nil; !closing {
			_ = other.Close()
		}
	}
	fmt.Fprint(conn, "{}")
	if created, err := http.ReadResponse(responses, nil); err != nil || created.StatusCode != http.StatusCreated {
		t.Errorf("%v, %v", created, err)
	}
	if code := api.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAStartThatCannotWorkSaysWhyInOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	good := environment("127.0.0.1:0", filepath.Join(dir, "api.db"))
	for _, row := range []struct {
		name string
		env  []string
		code int
		says []string
	}{
		{"a taken port", environment(taken.Addr().String(), filepath.Join(dir, "x.db")), 1, []string{"HTTP_ADDR", taken.Addr().String(), "address already in use"}},
		{"a database that is a directory", environment("127.0.0.1:0", dir), 1, []string{dir, "is a directory"}},
		{"a file with keys that is not there", withFiles(good, dir, nil), wrongSetting, []string{"TENANT_HEADER_KEYS_FILE: no such file", "JWT_HS256_KEYS_FILE: no such file"}},
		{"a file without keys", withFiles(good, dir, []string{"# none\n", secret}), wrongSetting, []string{"TENANT_HEADER_KEYS_FILE: has 0 keys", "JWT_HS256_KEYS_FILE: key 1 is not id:made:secret"}},
		{"a folder instead of keys", append(good[:2:2], good[3], "JWT_HS256_KEYS_FILE="+dir, good[4]), wrongSetting, []string{"JWT_HS256_KEYS_FILE: not a regular file"}},
		{"keys beside a secret", append(good, "TENANT_HEADER_KEYS=k1:2026-01-31:"+secret), wrongSetting, []string{"TENANT_HEADER_SECRET", "together with TENANT_HEADER_KEYS"}},
		{"keys that are none", append(good[:4:4], "TENANT_HEADER_KEYS=k1:2026-01-31:short"+secret[:5]), wrongSetting, []string{"TENANT_HEADER_KEYS: key 1 has a secret of 10 bytes"}},
		{"no tenant", append(good[:3:3], good[4]), wrongSetting, []string{"TENANT_ID", "not set"}},
		{"two ways to check tokens", append(good, "JWT_JWKS_URL=https://id.example/"), wrongSetting, []string{"JWT_HS256_SECRET", "together with JWT_JWKS_URL"}},
		{"a protocol that it does not speak", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"), wrongSetting, []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"}},
		{"a sampler that there is not", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER=some"), wrongSetting, []string{"OTEL_TRACES_SAMPLER"}},
		{"a number that is none", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_BSP_MAX_QUEUE_SIZE=many"), wrongSetting, []string{"OTEL_BSP_MAX_QUEUE_SIZE: not a whole number"}},
		{"headers that are none", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_HEADERS="+secret), wrongSetting, []string{"OTEL_EXPORTER_OTLP_HEADERS", "parse headers"}},
		{"certificates that are none", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_CERTIFICATE=e2e_test.go"), wrongSetting, []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "cert"}},
		{"attributes that are none", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_RESOURCE_ATTRIBUTES=secret-word"), wrongSetting, []string{"OTEL_RESOURCE_ATTRIBUTES"}},
		{"an escape that is none", append(good, "OTEL_TRACES_EXPORTER=otlp", "OTEL_RESOURCE_ATTRIBUTES=a=%zz"), wrongSetting, []string{"OTEL_RESOURCE_ATTRIBUTES", "%zz"}},
		{"nothing at all", nil, wrongSetting, []string{"JWT_HS256_SECRET", "TENANT_ID", "TENANT_HEADER_SECRET"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := exec.Command(binary)
			cmd.Env, cmd.Stderr = row.env, &stderr
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != row.code {
				t.Errorf("exit code %d", code)
			}
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			if len(lines) != 1 {
				t.Errorf("%d lines:\n%s", len(lines), stderr.String())
			}
			for _, word := range row.says {
				if !strings.Contains(lines[0], word) {
					t.Errorf("no %q in %s", word, lines[0])
				}
			}
			if strings.Contains(stderr.String(), secret) {
				t.Error("the log has a secret")
			}
		})
	}
}

func TestDevelopmentModeIsLoggedLoudly(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary)
	cmd.Env = append(environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")), "ENV=dev")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(stderr)
	for range 2 {
		lines.Scan()
	}
	if line := lines.Text(); !strings.Contains(line, `"level":"warning"`) || !strings.Contains(line, "DEVELOPMENT MODE") {
		t.Errorf("logged %s", line)
	}
}

func TestTheHealthcheckAsksTheAPIAtItsOwnAddress(t *testing.T) {
	t.Parallel()
	api := launch(t, environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(api.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	healthcheck := func(addr string) int {
		cmd := exec.Command(binary, "-healthcheck")
		cmd.Env = []string{"HTTP_ADDR=" + addr}
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
	for _, addr := range []string{"127.0.0.1:" + port, ":" + port, "0.0.0.0:" + port} {
		if code := healthcheck(addr); code != 0 {
			t.Errorf("%s: exit code %d while it runs", addr, code)
		}
	}
	api.signal(syscall.SIGTERM)
	api.exit()
	if code := healthcheck("127.0.0.1:" + port); code != 1 {
		t.Errorf("exit code %d when nothing runs", code)
	}
}

func TestTheVersionIsPrinted(t *testing.T) {
	t.Parallel()
	output, err := exec.Command(binary, "-version").Output()
	if err != nil || !strings.HasPrefix(string(output), "toolbridge-api ") {
		t.Errorf("%q, %v", output, err)
	}
	if err := exec.Command(binary, "-nonsense").Run(); err == nil {
		t.Error("an unknown argument was taken")
	}
}

func TestVariablesOfOtherProgramsChangeNothing(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGSSLMODE", "PGSERVICEFILE", "GODEBUG", "HTTPS_PROXY", "https_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("PGHOST", "elsewhere")
	t.Setenv("GODEBUG", "netdns=2")
	t.Setenv("PGPASSFILE", "/nowhere")
	t.Setenv("ALL_PROXY", "http://proxy:3128")
	tidyEnvironment()
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "PG") || strings.HasPrefix(entry, "GODEBUG=") {
			t.Errorf("%s is left", entry)
		}
	}
	if proxy := os.Getenv("HTTPS_PROXY"); proxy != "http://proxy:3128" {
		t.Errorf("HTTPS_PROXY is %q", proxy)
	}
}

func TestTheProxyOfTheEnvironmentIsUsedForTheKeySet(t *testing.T) {
	t.Parallel()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	asked := make(chan string, 1)
	go func() {
		connection, err := proxy.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		line, _ := bufio.NewReader(connection).ReadString('\n')
		asked <- line
	}()
	env := append(slices.DeleteFunc(environment("127.0.0.1:0", filepath.Join(t.TempDir(), "api.db")),
		func(entry string) bool { return strings.HasPrefix(entry, "JWT_HS256_SECRET=") }),
		"JWT_JWKS_URL=https://id.example/keys", "JWT_ISSUER=i", "JWT_AUDIENCE=a",
		"ALL_PROXY=http://"+proxy.Addr().String(), "NO_PROXY=[::1],fd00::/8")
	cmd := exec.Command(binary)
	cmd.Env = env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	select {
	case line := <-asked:
		if !strings.HasPrefix(line, "CONNECT id.example:443 ") {
			t.Errorf("the proxy was asked %q", line)
		}
	case <-time.After(20 * time.Second):
		t.Error("the proxy was never asked")
	}
}
