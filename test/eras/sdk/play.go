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
	times    map[string]int
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
		n.heard, n.times = map[string]string{}, map[string]int{}
	}
	n.heard[method] = params
	n.times[method]++
}

func (n *notes) of(method string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.heard[method]
}

func (n *notes) count(method string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.times[method]
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
	tools, err := patient(func() ([]string, error) { return c.list(ctx) })
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
	ask := func(tool, unlike string) string { // what a tool says, if it is not this
		said, err := c.call(ctx, tool, map[string]any{}, "")
		if err != nil || said == unlike {
			return ""
		}
		return said
	}
	// Clients drop progress that they read together with the answer, and some mix up
	// what they read together: each step is asked for.
	counting := make(chan struct{})
	go func() {
		defer close(counting)
		call("count", "p1", map[string]any{})
	}()
	for step := range 3 {
		until(patience, func() string {
			if strings.Count(n.steps(), ",") < step {
				return ""
			}
			return n.steps()
		})
		ask("counted", "")
	}
	<-counting
	seen["progress"] = n.steps()

	before := ask("waiting", "") // those of the run before this one
	short, stop := context.WithCancel(ctx)
	defer stop()
	waiting := make(chan string, 1)
	go func() {
		if _, err := c.call(short, "wait", map[string]any{}, ""); err != nil {
			waiting <- "given up"
			return
		}
		waiting <- "answered"
	}()
	until(patience, func() string { return ask("waiting", before) })
	stop()
	seen["wait"] = <-waiting
	seen["cancelled"] = until(patience, func() string { return ask("cancelled", "0") })
	if err := c.subscribe(ctx, uri); err != nil {
		seen["subscribe"] = err.Error()
	}
	// A subscription is in force a moment after it was asked for, and what changes
	// before that is told to nobody: there is a change each second until one is.
	const changed, updated = "notifications/tools/list_changed", "notifications/resources/updated"
	change := func() string {
		before := n.count(changed)
		return until(patience, func() string {
			call("change", "", map[string]any{})
			for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if n.count(changed) != before {
					return n.of(changed)
				}
			}
			return ""
		})
	}
	seen[changed], seen[updated] = change(), "never"
	for range 4 { // they leave together: after so many changes it is known that there is none
		if said := n.of(updated); said != "" {
			seen[updated] = said
			break
		}
		change()
	}
	return print(seen)
}

// patient does the first thing at a server, again while drawbridge says that the
// server has not answered yet: then nothing was sent. On a machine that does much
// else the connection takes longer now and then than a call waits for it.
func patient(act func() ([]string, error)) ([]string, error) {
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		value, err := act()
		if err == nil || !strings.Contains(err.Error(), "has not answered yet") || time.Now().After(end) {
			return value, err
		}
	}
}

// patience is the limit of what has to happen.
const patience = time.Minute

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
