package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// client is what an SDK's client does here.
type client interface {
	version() string
	list(ctx context.Context) ([]string, error)
	read(ctx context.Context, uri string) (string, error)
	// call calls a tool; progress, if not "", is the token to report under.
	call(ctx context.Context, tool string, arguments map[string]any, progress string) (string, error)
	subscribe(ctx context.Context, uri string) error
	close() error
}

// notes are what a client has been told.
type notes struct {
	mu       sync.Mutex
	progress []string
	heard    map[string]string
}

func (n *notes) step(value float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.progress = append(n.progress, fmt.Sprint(value))
}

func (n *notes) hear(method, params string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.heard == nil {
		n.heard = map[string]string{}
	}
	n.heard[method] = params
}

func (n *notes) of(method string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.heard[method]
}

func (n *notes) steps() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.progress, ",")
}

// play does everything once and prints what came of it.
func play(ctx context.Context, version string, connect func(*notes) (client, error)) error {
	var n notes
	c, err := connect(&n)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = c.close() }()
	if c.version() != version {
		return fmt.Errorf("the connection is of %s, not %s", c.version(), version)
	}
	seen := map[string]string{}
	note := func(name, value string, err error) {
		if seen[name] = value; err != nil {
			seen[name] = "error: " + err.Error()
		}
	}
	tools, err := c.list(ctx)
	slices.Sort(tools)
	note("tools", strings.Join(tools, ","), err)
	call := func(tool, progress string, arguments map[string]any) {
		value, err := c.call(ctx, tool, arguments, progress)
		note(tool, value, err)
	}
	call("echo", "", map[string]any{"text": "a\u2028b 😀"})
	text, err := c.read(ctx, uri)
	note("read", text, err)
	call("ask", "", map[string]any{})
	call("sample", "", map[string]any{})
	call("count", "p1", map[string]any{})
	seen["progress"] = n.steps()

	short, stop := context.WithCancel(ctx)
	time.AfterFunc(500*time.Millisecond, stop)
	seen["wait"] = "answered"
	if _, err := c.call(short, "wait", map[string]any{}, ""); err != nil {
		seen["wait"] = "given up"
	}
	seen["cancelled"] = until(10*time.Second, func() string {
		said, err := c.call(ctx, "cancelled", map[string]any{}, "")
		if err != nil || said == "0" {
			return ""
		}
		return said
	})
	if err := c.subscribe(ctx, uri); err != nil {
		seen["subscribe"] = err.Error()
	}
	call("change", "", map[string]any{})
	const changed, updated = "notifications/tools/list_changed", "notifications/resources/updated"
	seen[changed] = until(10*time.Second, func() string { return n.of(changed) })
	seen[updated] = until(5*time.Second, func() string { return n.of(updated) }) // they leave together
	return print(seen)
}

// acknowledged is how long a subscription needs to be in force: neither SDK shows
// when the server has acknowledged one.
const acknowledged = time.Second

// until waits for something that another process does; in vain it is "never".
func until(limit time.Duration, done func() string) string {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if value := done(); value != "" {
			return value
		}
		time.Sleep(100 * time.Millisecond)
	}
	return "never"
}
