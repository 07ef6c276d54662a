package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"drawbridge/bridge/cli"
)

// BenchmarkStdio keeps 64 calls in flight through all of `drawbridge stdio`, to a
// server that wants no sign-in.
func BenchmarkStdio(b *testing.B) {
	url := openServer(b, func(w http.ResponseWriter, _ *http.Request, _ string, id json.RawMessage) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, id)
	})
	dir := b.TempDir()
	inR, inW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		cli.Main(context.Background(), cli.Process{
			Version: "bench", Stdin: inR, Stdout: outW, Stderr: io.Discard,
			Args: []string{"stdio", "--config-dir", dir, "--state-dir", dir, "--vault", "memory", "--no-agent", "--protocol", "legacy", "--url", url},
		})
	})
	defer func() {
		_ = inW.Close()
		work.Wait()
		_, _, _ = inR.Close(), outR.Close(), outW.Close()
	}()
	lines := bufio.NewReader(outR)
	read := func() {
		if _, err := lines.ReadSlice('\n'); err != nil {
			b.Fatal(err)
		}
	}
	_, _ = io.WriteString(inW, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`+"\n")
	read()
	_, _ = io.WriteString(inW, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n")
	free := make(chan struct{}, 64)
	for range 64 {
		free <- struct{}{}
	}
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for i := range b.N {
			<-free
			if _, err := fmt.Fprintf(inW, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x"}}`+"\n", i+1); err != nil {
				return // the bench is over
			}
		}
	}()
	for range b.N {
		read()
		free <- struct{}{}
	}
	b.StopTimer()
}
