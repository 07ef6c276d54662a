package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// signInWait bounds the wait for a sign-in; browsedWait the time after the
	// browser is done, and browsedAsks the times that are asked in it, in which a
	// call has to succeed if it ever will.
	signInWait  = time.Minute
	browsedWait = 5 * time.Second
	browsedAsks = 12
	askAgain    = 200 * time.Millisecond
)

// host plays the MCP host of a scenario. The suite gives the scenario's name and
// what it needs to know in the environment, the server's URL as the last argument.
func host(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("host", flag.ContinueOnError)
	era := flags.String("era", string(Legacy), "legacy or modern")
	binary := flags.String("drawbridge", "", "the drawbridge to start")
	browser := flags.String("browser", "", "what drawbridge opens addresses with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errUsage
	}
	scenario := os.Getenv("MCP_CONFORMANCE_SCENARIO")
	given := map[string]json.RawMessage{}
	if raw := os.Getenv("MCP_CONFORMANCE_CONTEXT"); raw != "" {
		if err := json.Unmarshal([]byte(raw), &given); err != nil {
			return fmt.Errorf("context: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "conformance-host-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	browsed := filepath.Join(dir, "browsed")
	options, secrets := signInOptions(scenario, given, dir)
	c, err := start(Era(*era), *binary, append([]string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "BROWSER=" + *browser, envBrowsed + "=" + browsed,
	}, secrets...), append([]string{
		"stdio", "--url", flags.Arg(0), "--vault", "memory", "--no-agent", "--verbose",
		"--config-dir", filepath.Join(dir, "config"), "--state-dir", filepath.Join(dir, "state"),
	}, options...))
	if err != nil {
		return err
	}
	defer c.close()
	p := &play{client: c, scenario: scenario, given: given, browsed: browsed}
	return p.run(ctx)
}

// signInOptions are the options of drawbridge, and the secrets in its
// environment, that a person would take from the context of an auth scenario.
func signInOptions(scenario string, given map[string]json.RawMessage, dir string) (options, env []string) {
	text := func(name string) string {
		var s string
		_ = json.Unmarshal(given[name], &s)
		return s
	}
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		_ = os.WriteFile(path, []byte(content), 0o600)
		return path
	}
	if !strings.HasPrefix(scenario, "auth/") {
		return nil, nil
	}
	if id := text("client_id"); id != "" {
		options = append(options, "--client-id", id)
	}
	if secret := text("client_secret"); secret != "" {
		env = append(env, "DRAWBRIDGE_CLIENT_SECRET="+secret)
	}
	switch {
	case scenario == "auth/basic-cimd": // the suite fixes the address and gives no context
		options = append(options, "--client-metadata-url", "https://conformance-test.local/client-metadata.json")
	case text("private_key_pem") != "":
		options = append(options, "--grant", "client_credentials", "--private-key-file", file("key.pem", text("private_key_pem")),
			"--private-key-alg", text("signing_algorithm"))
	case strings.HasPrefix(scenario, "auth/client-credentials"):
		options = append(options, "--grant", "client_credentials")
	case text("idp_id_token") != "":
		options = append(options, "--grant", "id_jag", "--assertion-file", file("id-token", text("idp_id_token")),
			"--idp-issuer", text("idp_issuer"), "--idp-client-id", text("idp_client_id"))
	case text("valid_jwt") != "":
		options = append(options, "--grant", "jwt_bearer", "--assertion-file", file("workload.jwt", text("valid_jwt")))
	}
	return options, env
}

// play is a host in one scenario.
type play struct {
	*client
	scenario string
	given    map[string]json.RawMessage
	browsed  string
	worked   time.Time // when the last list or call went well: what was browsed before is over
}

// run does what the scenario wants to see.
func (p *play) run(ctx context.Context) error {
	switch {
	case strings.HasPrefix(p.scenario, "auth/"):
		return p.signIn(ctx)
	case p.scenario == "elicitation-sep1034-client-defaults":
		return p.defaults(ctx)
	case p.scenario == "request-metadata", p.scenario == "json-schema-ref-no-deref":
		_, err := p.list(ctx)
		return err
	case p.scenario == "json-schema-2020-12-preservation":
		return p.echoSchema(ctx)
	case p.scenario == "sep-2322-client-request-state":
		return p.rounds(ctx)
	case p.scenario == "http-standard-headers":
		return p.everything(ctx)
	case p.scenario == "http-custom-headers":
		return p.givenCalls(ctx)
	case p.scenario == "http-invalid-tool-headers":
		return p.callAll(ctx)
	}
	return p.basic(ctx)
}

// tool is what a host has to know of one.
type tool struct {
	Name        string
	InputSchema json.RawMessage
}

// list opens the connection and asks for the tools.
func (p *play) list(ctx context.Context) ([]tool, error) {
	if err := p.retrying(ctx, func() error { return p.open(ctx) }); err != nil {
		return nil, err
	}
	return p.tools(ctx)
}

func (p *play) tools(ctx context.Context) ([]tool, error) {
	var listed struct{ Tools []tool }
	err := p.retrying(ctx, func() error {
		raw, err := p.request(ctx, "tools/list", nil)
		if err != nil {
			return err
		}
		p.worked = time.Now()
		return json.Unmarshal(raw, &listed)
	})
	return listed.Tools, err
}

func (p *play) call(ctx context.Context, name string, arguments any) error {
	return p.retrying(ctx, func() error {
		_, err := p.request(ctx, "tools/call", map[string]any{"name": name, "arguments": arguments})
		if err == nil {
			p.worked = time.Now()
		}
		return err
	})
}

// retrying asks again while drawbridge waits for a person to sign in, who is
// the stub browser.
func (p *play) retrying(ctx context.Context, ask func() error) error {
	until, asks := time.Now().Add(signInWait), 0
	for {
		err := ask()
		if !needsSignIn(err) {
			return err
		}
		done, ok := p.lastBrowsed()
		if ok = ok && done.After(p.worked); ok {
			asks++
		}
		if ok && time.Since(done) > browsedWait && asks > browsedAsks || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// lastBrowsed is when the browser was done last.
func (p *play) lastBrowsed() (time.Time, bool) {
	info, err := os.Stat(p.browsed)
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

func (p *play) basic(ctx context.Context) error {
	tools, err := p.list(ctx)
	if err != nil || len(tools) == 0 {
		return err
	}
	return p.call(ctx, tools[0].Name, map[string]any{"a": 2, "b": 3})
}

// signIn calls the tool that the servers of the auth scenarios have; where they
// grant little at first, that is what asks for more.
func (p *play) signIn(ctx context.Context) error {
	if _, err := p.list(ctx); err != nil {
		return err
	}
	return p.call(ctx, "test-tool", map[string]any{})
}

// defaults accepts what is proposed, as a host that fills a form in does.
func (p *play) defaults(ctx context.Context) error {
	p.capabilities["elicitation"] = map[string]any{"form": map[string]any{"applyDefaults": true}}
	p.elicit = func(_ context.Context, params json.RawMessage) (map[string]any, error) {
		var asked struct {
			RequestedSchema struct {
				Properties map[string]struct{ Default json.RawMessage }
			}
		}
		if err := json.Unmarshal(params, &asked); err != nil {
			return nil, err
		}
		content := map[string]json.RawMessage{}
		for name, property := range asked.RequestedSchema.Properties {
			if property.Default != nil {
				content[name] = property.Default
			}
		}
		return map[string]any{"action": "accept", "content": content}, nil
	}
	if _, err := p.list(ctx); err != nil {
		return err
	}
	return p.call(ctx, "test_client_elicitation_defaults", map[string]any{})
}

// echoSchema gives a tool's schema back as it came.
func (p *play) echoSchema(ctx context.Context) error {
	tools, err := p.list(ctx)
	if err != nil {
		return err
	}
	for _, t := range tools {
		if t.Name == "json_schema_2020_12_tool" {
			return p.call(ctx, "json_schema_echo", map[string]any{"schema": t.InputSchema})
		}
	}
	return errors.New("no tool json_schema_2020_12_tool")
}

// rounds calls tools that want input, and another one in the middle of it.
func (p *play) rounds(ctx context.Context) error {
	p.capabilities["elicitation"] = map[string]any{}
	interrupted := false
	p.elicit = func(ctx context.Context, _ json.RawMessage) (map[string]any, error) {
		if !interrupted {
			interrupted = true
			if err := p.call(ctx, "test_mrtr_unrelated", map[string]any{}); err != nil {
				return nil, err
			}
		}
		return map[string]any{"action": "accept", "content": map[string]any{"confirmed": true}}, nil
	}
	if _, err := p.list(ctx); err != nil {
		return err
	}
	for _, name := range []string{"test_mrtr_echo_state", "test_mrtr_no_state", "test_mrtr_no_result_type"} {
		if err := p.call(ctx, name, map[string]any{}); err != nil {
			return err
		}
	}
	return nil
}

// everything lists and uses tools, resources and prompts.
func (p *play) everything(ctx context.Context) error {
	tools, err := p.list(ctx)
	if err != nil {
		return err
	}
	for _, t := range tools {
		if err := p.call(ctx, t.Name, map[string]any{}); err != nil {
			return err
		}
	}
	var listed struct {
		Resources []struct{ URI string }
		Prompts   []struct{ Name string }
	}
	for _, method := range []string{"resources/list", "prompts/list"} {
		raw, err := p.request(ctx, method, nil)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &listed); err != nil {
			return err
		}
	}
	for _, r := range listed.Resources {
		if _, err := p.request(ctx, "resources/read", map[string]any{"uri": r.URI}); err != nil {
			return err
		}
	}
	for _, prompt := range listed.Prompts {
		if _, err := p.request(ctx, "prompts/get", map[string]any{"name": prompt.Name}); err != nil {
			return err
		}
	}
	return nil
}

// givenCalls makes the calls that the scenario names.
func (p *play) givenCalls(ctx context.Context) error {
	var calls []struct {
		Name      string
		Arguments json.RawMessage
	}
	if err := json.Unmarshal(p.given["toolCalls"], &calls); err != nil {
		return fmt.Errorf("toolCalls: %w", err)
	}
	if _, err := p.list(ctx); err != nil {
		return err
	}
	for _, c := range calls {
		if err := p.call(ctx, c.Name, c.Arguments); err != nil {
			return err
		}
	}
	return nil
}

// callAll calls every tool that is on the list.
func (p *play) callAll(ctx context.Context) error {
	tools, err := p.list(ctx)
	if err != nil {
		return err
	}
	for _, t := range tools {
		if err := p.call(ctx, t.Name, map[string]any{}); err != nil {
			return err
		}
	}
	return nil
}
