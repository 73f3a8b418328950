// Command toolbridge-load sends one kind of request over and over, as fast as
// the answers come, and prints how many there were. scripts/bench.sh uses it.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// load is what to send, how often at once, and for how long.
type load struct {
	method, url string
	header      http.Header
	body        []byte
	connections int
	duration    time.Duration
}

// result is what came of it. A failure is any answer that is not 2xx, or none.
type result struct {
	Answers  int     `json:"answers"`
	Failures int     `json:"failures"`
	Seconds  float64 `json:"seconds"`
}

func main() {
	l := load{header: http.Header{}}
	flag.StringVar(&l.method, "method", "GET", "HTTP method")
	flag.IntVar(&l.connections, "connections", 10, "requests at once")
	flag.DurationVar(&l.duration, "duration", 3*time.Second, "how long to send")
	body := flag.String("body", "", "request body")
	headers := flag.String("headers", "", "file with a JSON object of request headers")
	flag.Parse()
	l.url, l.body = flag.Arg(0), []byte(*body)
	if err := l.readHeaders(*headers); err != nil {
		fmt.Fprintln(os.Stderr, "toolbridge-load:", err)
		os.Exit(2)
	}
	_ = json.NewEncoder(os.Stdout).Encode(l.run())
}

func (l load) readHeaders(path string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var fields map[string]string
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for name, value := range fields {
		l.header.Set(name, value)
	}
	return nil
}

func (l load) run() result {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.connections}}
	results := make([]result, l.connections)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = l.one(client, start.Add(l.duration)) })
	}
	wg.Wait()
	total := result{Seconds: time.Since(start).Seconds()}
	for _, r := range results {
		total.Answers += r.Answers
		total.Failures += r.Failures
	}
	return total
}

// one sends request after request until the end.
func (l load) one(client *http.Client, end time.Time) (r result) {
	for time.Now().Before(end) {
		if l.send(client) {
			r.Answers++
		} else {
			r.Failures++
		}
	}
	return r
}

func (l load) send(client *http.Client) bool {
	request, err := http.NewRequest(l.method, l.url, bytes.NewReader(l.body))
	if err != nil {
		return false
	}
	request.Header = l.header
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err == nil && answer.StatusCode/100 == 2
}
