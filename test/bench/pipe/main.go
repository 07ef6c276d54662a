// Pipe is the floor of the bench: it copies each line of its input to an HTTP
// POST, and what comes back to its output. It checks nothing, recovers nothing,
// renews nothing: what Drawbridge costs above it is the price of those.
//
//	pipe URL        with the bearer token in BENCH_TOKEN
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

type pipe struct {
	url, token string
	client     *http.Client

	out sync.Mutex

	mu      sync.Mutex
	session string
}

func main() {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	p := &pipe{url: os.Args[1], token: os.Getenv("BENCH_TOKEN"), client: &http.Client{Transport: t}}
	in := bufio.NewReaderSize(os.Stdin, 64<<10)
	var work sync.WaitGroup
	defer work.Wait()
	for n := 0; ; n++ {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			if n < 2 { // initialize, initialized: the others need what they bring
				p.pass(line)
			} else {
				work.Go(func() { p.pass(line) })
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *pipe) pass(line []byte) {
	req, err := http.NewRequest(http.MethodPost, p.url, bytes.NewReader(line))
	if err != nil {
		fail(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+p.token)
	p.mu.Lock()
	if p.session != "" {
		req.Header.Set("Mcp-Session-Id", p.session)
	}
	p.mu.Unlock()
	resp, err := p.client.Do(req)
	if err != nil {
		fail(err)
	}
	defer resp.Body.Close()
	if id := resp.Header.Get("Mcp-Session-Id"); id != "" {
		p.mu.Lock()
		p.session = id
		p.mu.Unlock()
	}
	var body bytes.Buffer
	if resp.ContentLength > 0 {
		body.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(resp.Body); err != nil {
		fail(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		p.write(body.Bytes())
		return
	}
	for event := range bytes.SplitSeq(body.Bytes(), []byte("\n")) {
		if data, ok := bytes.CutPrefix(event, []byte("data: ")); ok {
			p.write(data)
		}
	}
}

func (p *pipe) write(message []byte) {
	message = bytes.TrimRight(message, "\n")
	if len(message) == 0 {
		return
	}
	p.out.Lock()
	defer p.out.Unlock()
	if _, err := os.Stdout.Write(append(message, '\n')); err != nil && err != io.ErrClosedPipe {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
