package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"drawbridge/bridge/fault"
	"drawbridge/bridge/network"
	"drawbridge/bridge/oauth"
)

// probeLimit bounds the one request that a server is asked without a token.
const probeLimit = 15 * time.Second

// probeBody opens a session as an MCP client would: some servers ask for a
// token on every method, some answer a bare GET with 405 before they look.
const probeBody = `{"jsonrpc":"2.0","id":"drawbridge-probe","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"drawbridge","version":"0"}}}`

// probed is how a server answered the probe.
type probed int

const (
	probeChallenged probed = iota // 401, with or without a challenge
	probeOpen                     // answers without a token
	probeForeign                  // answers, but not as an MCP server would
)

// probe asks the server without a token. Its errors are fault.Unreachable.
func (a *Account) probe(ctx context.Context) (oauth.Challenge, probed, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.server.URL, strings.NewReader(probeBody))
	if err != nil {
		return oauth.Challenge{}, 0, fmt.Errorf("probe: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("User-Agent", a.m.agent)
	for k, v := range a.server.Headers {
		req.Header.Set(k, v)
	}
	resp, err := a.m.client(a.server).Do(req)
	if err != nil {
		return oauth.Challenge{}, 0, a.probeFault(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusUnauthorized {
		challenge, _ := oauth.BearerChallenge(resp.Header)
		challenge.Asked = true
		return challenge, probeChallenged, nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return oauth.Challenge{}, 0, fault.New(fault.Unreachable, fmt.Sprintf("%s answers with an error (HTTP %d).", a.address(), resp.StatusCode), "Try again later.")
	case resp.StatusCode == http.StatusOK && bytes.Contains(body, []byte(`"jsonrpc"`)):
		a.endProbe(ctx, resp.Header.Get("Mcp-Session-Id"))
		return oauth.Challenge{}, probeOpen, nil
	}
	challenge, _ := oauth.BearerChallenge(resp.Header)
	return challenge, probeForeign, nil
}

// probeFault says why the server did not answer.
func (a *Account) probeFault(err error) error {
	var dns *net.DNSError
	if what, next, ok := network.Explain(err, a.server.URL); ok {
		return fault.Wrap(err, fault.Unreachable, what, next)
	}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("There is no host %q.", dns.Name), "Check the address for a typing error, and your network.")
	}
	return fault.Wrap(err, fault.Unreachable, fmt.Sprintf("%s does not answer.", a.address()), "Check the address and your network.")
}

// address is the server's URL as messages show it: quoted, and without its
// query, which may hold a key.
func (a *Account) address() string {
	address, _, _ := strings.Cut(a.server.URL, "?")
	return strconv.Quote(address)
}

// endProbe closes the session that an open server gave to the probe.
func (a *Account) endProbe(ctx context.Context, session string) {
	if session == "" {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, a.server.URL, nil)
	if err != nil {
		return
	}
	req.Header.Set("Mcp-Session-Id", session)
	for k, v := range a.server.Headers {
		req.Header.Set(k, v)
	}
	if resp, err := a.m.client(a.server).Do(req); err == nil {
		_ = resp.Body.Close()
	}
}
