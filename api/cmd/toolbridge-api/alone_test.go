package main

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/config"
)

// nameServer answers every question on a UDP port of its own with the TXT records,
// or with the code of a failure, and returns a resolver that uses it.
func nameServer(t *testing.T, code byte, records ...string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		question := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(question)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(txtAnswer(question[:n], code, records), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// txtAnswer is a message of RFC 1035, section 4: the question's header and name, then the
// records, each with a pointer to that name and strings of up to 255 bytes.
func txtAnswer(question []byte, code byte, records []string) []byte {
	end := 12 + bytes.IndexByte(question[12:], 0) + 5 // the name, its type and class
	answer := slices.Clone(question[:end])
	answer[2], answer[3] = 0x84, code
	copy(answer[6:12], []byte{0, byte(len(records)), 0, 0, 0, 0})
	for _, record := range records {
		var data []byte
		for part := range slices.Chunk([]byte(record), 255) {
			data = append(append(data, byte(len(part))), part...)
		}
		answer = append(answer, 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 5, byte(len(data)>>8), byte(len(data)))
		answer = append(answer, data...)
	}
	return answer
}

func onFly(name string) (string, bool) {
	value, set := map[string]string{"FLY_APP_NAME": "toolbridge-acme", "FLY_MACHINE_ID": "aaa111"}[name]
	return value, set
}

func TestSQLiteIsServedByOneMachineOnly(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("aaa111 fra,", 30) // more than one string of a record holds
	for name, row := range map[string]struct {
		records []string
		other   string // the machine that keeps this one from starting
	}{
		"alone":                {[]string{"aaa111 fra"}, ""},
		"none is listed":       {[]string{""}, ""},
		"two":                  {[]string{"aaa111 fra,bbb222 fra"}, "bbb222"},
		"the other alone":      {[]string{"bbb222 ams"}, "bbb222"},
		"spaces":               {[]string{"aaa111 fra, bbb222 ams"}, "bbb222"},
		"two records":          {[]string{"aaa111 fra", "bbb222 ams"}, "bbb222"},
		"a name that begins":   {[]string{"aaa1112 fra"}, "aaa1112"},
		"long, alone":          {[]string{strings.TrimSuffix(many, ",")}, ""},
		"long, and one at end": {[]string{many + "bbb222 fra"}, "bbb222"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := checkAlone(t.Context(), config.Database{Path: "x.db"}, onFly, nameServer(t, 0, row.records...), newLog(&out, 0, false))
			if (err == nil) != (row.other == "") {
				t.Fatalf("err = %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), "machine "+row.other+" of toolbridge-acme") || !strings.Contains(err.Error(), "flyctl machine destroy")) {
				t.Errorf("err = %v", err)
			}
			if out.Len() > 0 {
				t.Errorf("logged %s", out.String())
			}
		})
	}
}

func TestAStartGoesOnWhenTheMachinesCannotBeListed(t *testing.T) {
	t.Parallel()
	silent := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	for name, dns := range map[string]*net.Resolver{
		"no such name": nameServer(t, 3), "failure": nameServer(t, 2), "no answer": silent,
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			begun := time.Now()
			if err := checkAlone(t.Context(), config.Database{Path: "x.db"}, onFly, dns, newLog(&out, 0, false)); err != nil {
				t.Error(err)
			}
			if !strings.Contains(out.String(), `"level":"warning"`) || time.Since(begun) > 2*machinesTimeout {
				t.Errorf("after %s: %s", time.Since(begun), out.String())
			}
		})
	}
}

func TestMachinesAreCountedOnlyWhereTheyMatter(t *testing.T) {
	t.Parallel()
	unasked := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("the name server was asked")
		return nil, net.ErrClosed
	}}
	elsewhere := func(string) (string, bool) { return "", false }
	var out bytes.Buffer
	onServer := checkAlone(t.Context(), config.Database{URL: "postgres://db/x"}, onFly, unasked, newLog(&out, 0, false))
	off := checkAlone(t.Context(), config.Database{Path: "x.db"}, elsewhere, unasked, newLog(&out, 0, false))
	if onServer != nil || off != nil || out.Len() > 0 {
		t.Errorf("%v, %v, %s", onServer, off, out.String())
	}
}
