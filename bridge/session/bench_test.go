package session_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"drawbridge/bridge/front/stdio"
	"drawbridge/bridge/remote"
	"drawbridge/bridge/session"
)

// echoing is a loopback server that answers each call with its params, as JSON
// or as a stream.
func echoing(b *testing.B, streams bool) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var m struct{ ID, Params json.RawMessage }
		_ = json.Unmarshal(raw, &m)
		if m.ID == nil {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		out := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, m.Params)
		if streams {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "event: message\ndata: %s\n\n", out)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out)
	}))
	b.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// bridged is the client's side of a bridge to url: lines in, lines out.
func bridged(b *testing.B, url string) (in io.Writer, out *bufio.Reader) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	h := remote.NewHTTP()
	a := &account{}
	var work sync.WaitGroup
	work.Go(func() {
		_ = stdio.Serve(context.Background(), inR, outW, slog.New(slog.DiscardHandler), func(w *stdio.Writer) stdio.Session {
			return session.New(session.Config{
				Remote: remote.NewConn(remote.Config{URL: url, Bearer: a, HTTP: h}), Credential: a, Send: w.Send,
			})
		})
	})
	b.Cleanup(func() {
		_, _ = inW.Close(), outR.Close()
		work.Wait()
		h.CloseIdleConnections()
	})
	return inW, bufio.NewReaderSize(outR, 1<<20)
}

// BenchmarkCall is one call after another, of 1 KiB and of 1 MiB, through the
// whole bridge and, in the same run, straight to the server. The ratio is what a
// person pays for the bridge.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		for _, kind := range []string{"json", "stream"} {
			b.Run(fmt.Sprintf("%s/%dKiB", kind, size>>10), func(b *testing.B) {
				url := echoing(b, kind == "stream")
				call := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"echo","params":%q}`+"\n", bytes.Repeat([]byte("x"), size))
				client := remote.NewHTTP()
				defer client.CloseIdleConnections()
				in, out := bridged(b, url)
				var direct, through time.Duration
				b.SetBytes(int64(len(call)))
				b.ReportAllocs()
				for b.Loop() {
					begun := time.Now()
					resp, err := client.Post(url, "application/json", bytes.NewReader(call))
					if err != nil {
						b.Fatal(err)
					}
					n, _ := io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					middle := time.Now()
					if _, err := in.Write(call); err != nil {
						b.Fatal(err)
					}
					got := 0
					for {
						part, err := out.ReadSlice('\n')
						got += len(part)
						if err == nil {
							break
						}
						if err != bufio.ErrBufferFull {
							b.Fatal(err)
						}
					}
					if int64(got) < n/2 {
						b.Fatalf("%d bytes of %d", got, n)
					}
					direct += middle.Sub(begun)
					through += time.Since(middle)
				}
				b.ReportMetric(float64(through)/float64(direct), "bridge/direct")
				b.ReportMetric(float64(direct.Microseconds())/float64(b.N), "direct-µs")
				b.ReportMetric(float64(through.Microseconds())/float64(b.N), "bridge-µs")
			})
		}
	}
}

// BenchmarkAtOnce keeps 64 calls of 64 bytes in flight through the whole bridge.
func BenchmarkAtOnce(b *testing.B) {
	url := echoing(b, false)
	in, out := bridged(b, url)
	free := make(chan struct{}, 64)
	for range 64 {
		free <- struct{}{}
	}
	b.ReportAllocs()
	go func() {
		for i := range b.N {
			<-free
			if _, err := fmt.Fprintf(in, `{"jsonrpc":"2.0","id":%d,"method":"echo","params":"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"}`+"\n", i); err != nil {
				return // the bench is over
			}
		}
	}()
	for range b.N {
		if _, err := out.ReadSlice('\n'); err != nil {
			b.Fatal(err)
		}
		free <- struct{}{}
	}
}
