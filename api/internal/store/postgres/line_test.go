package postgres

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// line is a connection to a server that can be cut and restored.
type line struct {
	t    *testing.T
	url  string
	addr string
	dial func() (net.Conn, error)

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	config, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, addr: "127.0.0.1:0", dial: func() (net.Conn, error) {
		network, address := pgconn.NetworkAddress(config.Host, config.Port)
		return net.Dial(network, address)
	}}
	l.restore()
	l.addr = l.listener.Addr().String()
	parsed, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	options := parsed.Query()
	options.Del("host")
	options.Set("sslmode", "disable")
	parsed.Host, parsed.RawQuery = l.addr, options.Encode()
	l.url = parsed.String()
	t.Cleanup(l.cut)
	return l
}

func (l *line) restore() {
	l.t.Helper()
	listener, err := net.Listen("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.listener = listener
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			l.join(near)
		}
	}()
}

func (l *line) join(near net.Conn) {
	far, err := l.dial()
	if err != nil {
		_ = near.Close()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, near, far)
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		}()
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.listener.Close()
	for _, conn := range l.open {
		_ = conn.Close()
	}
	l.open = nil
}
