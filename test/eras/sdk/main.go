// Command sdk is an end of MCP in the Go SDKs: a client or a server, of the one
// era or the other. It does what test/eras/what.mjs does in TypeScript.
//
//	sdk server go-sdk|mcp-go legacy|modern
//	sdk client go-sdk|mcp-go legacy|modern COMMAND [ARGS...]
//
// It is a module of its own so that Drawbridge's has neither as a need.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	uri   = "test://thing"
	state = `step "1"\é 😀` // comes back as it went, or the call fails
)

// versions are what an era is called on the wire.
var versions = map[string]string{"legacy": "2025-11-25", "modern": "2026-07-28"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sdk:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 || versions[args[2]] == "" {
		return fmt.Errorf("usage: sdk client|server go-sdk|mcp-go legacy|modern [COMMAND...]")
	}
	version := versions[args[2]]
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	switch args[0] + " " + args[1] {
	case "server go-sdk":
		return serve(goSDKServer(version))
	case "server mcp-go":
		return serve(mcpGoServer(version))
	case "client go-sdk":
		return play(ctx, version, func(heard *notes) (client, error) { return goSDKClient(ctx, version, args[3:], heard) })
	case "client mcp-go":
		return play(ctx, version, func(heard *notes) (client, error) { return mcpGoClient(ctx, version, args[3:], heard) })
	}
	return fmt.Errorf("no such end: %v", args)
}

// serve listens on a free port, prints its URL and ends with its input.
func serve(h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Close()
	}()
	fmt.Printf("http://%s/mcp\n", l.Addr())
	if err := s.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// print writes what a client has seen.
func print(seen map[string]string) error { return json.NewEncoder(os.Stdout).Encode(seen) }
