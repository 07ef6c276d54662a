package harness

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Client is a run of the official TypeScript SDK's client, which launches a
// command over stdio with the SDK's default environment.
type Client struct {
	// Command is the stdio server to launch.
	Command []string
	// Env adds to the SDK's default environment, as a client's settings do.
	Env []string
	// List asks for the tools first.
	List bool
	// Calls are tools to call one after the other: NAME or NAME=JSON.
	Calls []string
	// Repeat is a tool to call at a fixed pace: once per Every for a time of For.
	Repeat     string
	Every, For time.Duration
	// Timeout of each request; a minute when 0.
	Timeout time.Duration
}

// Line is one thing that the client did.
type Line struct {
	Op    string   `json:"op"` // connect, list, call, notification, elicitation, close
	OK    bool     `json:"ok"`
	N     int      `json:"n"`
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Error string   `json:"error"`
	Tools []string `json:"tools"`
	MS    float64  `json:"ms"`
	At    int      `json:"at"` // milliseconds since the client's start
}

// ClientResult is what the client did and what the launched command said.
type ClientResult struct {
	Result
	Lines []Line
}

// Calls are the lines about calls.
func (c ClientResult) Calls() []Line { return c.of("call") }

// Tools is the answer to the list, or nil.
func (c ClientResult) Tools() []string {
	for _, line := range c.of("list") {
		return line.Tools
	}
	return nil
}

func (c ClientResult) of(op string) []Line {
	var lines []Line
	for _, line := range c.Lines {
		if line.Op == op {
			lines = append(lines, line)
		}
	}
	return lines
}

// Failures are the lines about what did not succeed.
func (c ClientResult) Failures() []Line {
	var lines []Line
	for _, line := range c.Lines {
		switch line.Op {
		case "connect", "list", "call", "close":
			if !line.OK {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// RunClient runs the SDK's client to its end. Several may run at once.
func (r *Rig) RunClient(c Client) (ClientResult, error) {
	args := []string{script("sdk-client.mjs")}
	if c.List {
		args = append(args, "--list")
	}
	for _, call := range c.Calls {
		args = append(args, "--call", call)
	}
	if c.Repeat != "" {
		args = append(args, "--repeat", c.Repeat,
			"--every", strconv.FormatInt(c.Every.Milliseconds(), 10),
			"--for", strconv.FormatFloat(c.For.Seconds(), 'f', -1, 64))
	}
	if c.Timeout != 0 {
		args = append(args, "--timeout", strconv.FormatInt(c.Timeout.Milliseconds(), 10))
	}
	for _, pair := range c.Env {
		args = append(args, "--env", pair)
	}
	args = append(append(args, "--"), c.Command...)

	result, err := r.exec(Command{Deadline: runDeadline + c.For}, r.bareEnv(), node(), args...)
	if err != nil {
		return ClientResult{Result: result}, err
	}
	out := ClientResult{Result: result}
	for raw := range strings.Lines(result.Stdout) {
		var line Line
		if err := json.Unmarshal([]byte(raw), &line); err != nil {
			return out, fmt.Errorf("the client said %q: %w", raw, err)
		}
		out.Lines = append(out.Lines, line)
	}
	return out, nil
}

// Inspector runs `mcp-inspector --cli` with the environment that it gives to a
// server, HOME and PATH, and env on top of it.
func (r *Rig) Inspector(env []string, args ...string) Result {
	r.t.Helper()
	main := filepath.Join(testDir(), "node_modules", "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")
	all := []string{main, "--cli"}
	for _, pair := range env {
		all = append(all, "-e", pair)
	}
	result, err := r.exec(Command{}, r.bareEnv(), node(), append(all, args...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	return result
}
