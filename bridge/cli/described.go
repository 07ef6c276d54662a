package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"time"

	"drawbridge/bridge/credential"
	"drawbridge/bridge/jsonrpc"
)

// refreshDescription is how old a description may be that is not written again
// although the server still says the same.
const refreshDescription = 24 * time.Hour

// described is the session.Memory of one account: a client that speaks the same
// version and offers the same capabilities, with the same headers, is told the
// same.
type described struct {
	account *credential.Account
	headers map[string]string
	over    func() string // the transport that the server was found to speak
	log     *slog.Logger
}

// Describe implements session.Memory.
func (d described) Describe(params json.RawMessage) json.RawMessage {
	known, ok := d.account.Describe(d.client(params))
	if !ok {
		return nil
	}
	return known.Text
}

// Keep implements session.Memory.
func (d described) Keep(ctx context.Context, params, result json.RawMessage) {
	client := d.client(params)
	known, ok := d.account.Describe(client)
	over := d.over()
	if ok && bytes.Equal(known.Text, result) && known.Over == over && time.Since(known.At) < refreshDescription {
		return
	}
	if err := d.account.KeepDescription(ctx, client, result, over); err != nil && ctx.Err() == nil {
		d.log.Warn("description not kept", "error", err)
	}
}

// client is the kind of client that sends these params of initialize.
func (d described) client(params json.RawMessage) string {
	h := sha256.New()
	part := func(b []byte) { h.Write(append(append([]byte(nil), b...), 0)) }
	part(jsonrpc.Member(params, "protocolVersion"))
	part(jsonrpc.Member(params, "capabilities"))
	for _, name := range slices.Sorted(maps.Keys(d.headers)) {
		part([]byte(name))
		part([]byte(d.headers[name]))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
