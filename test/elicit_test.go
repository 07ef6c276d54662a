package test

import (
	"encoding/json"
	"fmt"
	"testing"

	"drawbridge/test/harness"
)

// TestSignInByAnAddressThatTheClientShows: the client says that it shows addresses
// (elicitation in URL mode). Its first call leads to the sign-in's, no browser is
// opened by anybody else, and the same call is answered by the server.
func TestSignInByAnAddressThatTheClientShows(t *testing.T) {
	t.Parallel()
	p := start(t, lasting)
	pipe := p.StartPipe(p.BrowserEnv(), "stdio", "--url", p.gate.URL)
	m := pipe.Call("initialize", `{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"url":{}}},"clientInfo":{"name":"pipe","version":"0"}}`)
	if m.Error != nil {
		t.Fatalf("initialize was answered with %s", m.Error)
	}
	pipe.Send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	called := make(chan harness.Message, 1)
	go func() { called <- echo(pipe) }()
	ask := pipe.Asked("elicitation/create")
	var params struct{ Mode, URL string }
	if err := json.Unmarshal(ask.Params, &params); err != nil || params.Mode != "url" {
		t.Fatalf("the client is asked %s", ask.Params)
	}
	p.Visit(params.URL)
	pipe.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept"}}`, ask.ID))
	if m := <-called; m.Error != nil {
		t.Errorf("the call was answered with %s", m.Error)
	}
	p.Seen(1)
	counts := p.provider.Counts()
	if opened := p.Opened(); len(opened) != 1 || opened[0] != params.URL || counts.SignIns != 1 || counts.Registrations != 1 {
		t.Errorf("opened: %q, %d sign-ins, %d registrations", opened, counts.SignIns, counts.Registrations)
	}
	const complete = "notifications/elicitation/complete"
	if !eventually(patience, func() bool { return pipe.Heard(complete) > 0 }) || pipe.Heard(complete) != 1 {
		t.Errorf("the client was told %d times that it is complete", pipe.Heard(complete))
	}
	p.MustRun("agent", "stop")
}
