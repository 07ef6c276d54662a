package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	listDeadline  = 3 * time.Minute
	buildDeadline = 15 * time.Minute
	// clientDeadline is what the suite gives a host; runDeadline bounds the suite.
	clientDeadline = 150 * time.Second
	runDeadline    = 4 * time.Minute
)

// suites are the two versions of the suite, by the name under which
// package.json has them.
var suites = []struct{ folder, version string }{
	{"conformance-alpha", "0.2.0-alpha.12"},
	{"conformance-stable", "0.1.16"},
}

// versions are the revisions of MCP that scenarios are run at; those of earlier
// ones and of extensions run once, at what the suite chooses.
var versions = []string{"2025-11-25", "2026-07-28"}

// Verdict is what the suite makes of a run.
type Verdict string

// The verdicts.
const (
	Pass     Verdict = "pass"
	Warnings Verdict = "warnings"
	Fail     Verdict = "fail"
	// Broken means that there were no checks to judge by.
	Broken Verdict = "broken"
)

// Run is one scenario of one suite, at one revision, with one host.
type Run struct {
	Scenario string
	Suite    string // version of the suite
	Version  string // revision of MCP; "" is the suite's choice
	Host     Era
	folder   string
}

// Result is what came of a Run.
type Result struct {
	Run
	Verdict Verdict
	Bad     []string // the checks that did not succeed
	Took    time.Duration
}

// bench is what the runs share: the programs and the folder for what is said.
type bench struct {
	self, drawbridge, browser, node, output string
	kept                                    bool
	tmp                                     string
}

// newBench builds what is missing. Close removes what it made.
func newBench(ctx context.Context, drawbridge, output string) (*bench, error) {
	tmp, err := os.MkdirTemp("", "drawbridge-conformance-")
	if err != nil {
		return nil, err
	}
	b := &bench{drawbridge: drawbridge, output: output, kept: output != "", tmp: tmp, node: filepath.Join(filepath.Dir(here()), "bin", "node")}
	if output == "" {
		b.output = filepath.Join(tmp, "output")
	}
	for _, s := range suites {
		if _, err := os.Stat(b.script(s.folder)); err != nil {
			return nil, fmt.Errorf("the suite is not installed: run `npm ci` in %s", here())
		}
	}
	b.self = filepath.Join(tmp, "conformance")
	if err := build(ctx, here(), b.self); err != nil {
		return nil, err
	}
	if b.drawbridge == "" {
		b.drawbridge = filepath.Join(tmp, "drawbridge")
		if err := build(ctx, filepath.Dir(filepath.Dir(here())), b.drawbridge); err != nil {
			return nil, err
		}
	}
	b.browser = filepath.Join(tmp, "browser")
	return b, os.WriteFile(b.browser, []byte("#!/bin/sh\nexec "+b.self+" browser \"$1\"\n"), 0o755)
}

// Close removes what newBench made.
func (b *bench) Close() { _ = os.RemoveAll(b.tmp) }

func (b *bench) script(folder string) string {
	return filepath.Join(here(), "node_modules", folder, "dist", "index.js")
}

func build(ctx context.Context, dir, binary string) error {
	ctx, cancel := context.WithTimeout(ctx, buildDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(binary), err, out)
	}
	return nil
}

var listed = regexp.MustCompile(`(?m)^\s+- (\S+) \[([^\]]*)\]$`)

// Runs asks the suites for their client scenarios.
func (b *bench) Runs(ctx context.Context) ([]Run, error) {
	var all []Run
	for _, s := range suites {
		ctx, cancel := context.WithTimeout(ctx, listDeadline)
		out, err := exec.CommandContext(ctx, b.node, b.script(s.folder), "list", "--client").Output()
		cancel()
		if err != nil {
			return nil, fmt.Errorf("list of suite %s: %w", s.version, err)
		}
		found := listed.FindAllStringSubmatch(string(out), -1)
		if len(found) == 0 {
			return nil, fmt.Errorf("suite %s lists no scenario", s.version)
		}
		for _, m := range found {
			at := slices.DeleteFunc(strings.Split(m[2], ","), func(v string) bool { return !slices.Contains(versions, v) })
			if len(at) == 0 {
				at = []string{""}
			}
			for _, v := range at {
				for _, era := range []Era{Legacy, Modern} {
					all = append(all, Run{Scenario: m[1], Suite: s.version, Version: v, Host: era, folder: s.folder})
				}
			}
		}
	}
	return all, nil
}

// Run does the runs, jobs at a time, and gives the results in order.
func (b *bench) Run(ctx context.Context, runs []Run, jobs int, done func(Result)) []Result {
	results := make([]Result, len(runs))
	next := make(chan int)
	var mu sync.Mutex
	var work sync.WaitGroup
	for range max(1, jobs) {
		work.Go(func() {
			for i := range next {
				r := b.one(ctx, runs[i])
				mu.Lock()
				results[i] = r
				if done != nil {
					done(r)
				}
				mu.Unlock()
			}
		})
	}
	for i := range runs {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	work.Wait()
	return results
}

func (b *bench) one(ctx context.Context, r Run) Result {
	ctx, cancel := context.WithTimeout(ctx, runDeadline)
	defer cancel()
	name := strings.Join([]string{strings.ReplaceAll(r.Scenario, "/", "_"), r.Suite, r.Version, string(r.Host)}, "-")
	dir := filepath.Join(b.output, name)
	result := Result{Run: r, Verdict: Broken}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		result.Bad = []string{err.Error()}
		return result
	}
	args := []string{
		b.script(r.folder), "client", "--scenario", r.Scenario, "--output-dir", dir, "--timeout", fmt.Sprint(clientDeadline.Milliseconds()),
		"--command", b.self + " host -era " + string(r.Host) + " -drawbridge " + b.drawbridge + " -browser " + b.browser,
	}
	if r.Version != "" && r.folder == "conformance-alpha" {
		args = append(args, "--spec-version", r.Version)
	}
	cmd := exec.CommandContext(ctx, b.node, args...)
	cmd.WaitDelay = 20 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begun := time.Now()
	err := cmd.Run()
	result.Took = time.Since(begun)
	_ = os.WriteFile(filepath.Join(dir, "suite.txt"), said.Bytes(), 0o644)
	result.judge(dir, err, said.String())
	return result
}

// check is one entry of the suite's checks.json.
type check struct {
	ID, Name, Description, Status, ErrorMessage string
}

// judge takes the suite's exit status for the verdict, which counts warnings
// and a host that failed as failures, and its checks for the reasons.
func (r *Result) judge(dir string, err error, said string) {
	var checks []check
	found, _ := filepath.Glob(filepath.Join(dir, "*", "checks.json"))
	deep, _ := filepath.Glob(filepath.Join(dir, "*", "*", "checks.json")) // the name of the scenario has a slash
	for _, file := range append(found, deep...) {
		raw, readErr := os.ReadFile(file)
		if readErr == nil {
			_ = json.Unmarshal(raw, &checks)
		}
	}
	failed, warned := 0, 0
	for _, c := range checks {
		switch c.Status {
		case "FAILURE":
			failed++
		case "WARNING":
			warned++
		default:
			continue
		}
		r.Bad = append(r.Bad, strings.TrimSuffix(c.ID+": "+strings.TrimSpace(c.ErrorMessage), ": "))
	}
	var exit *exec.ExitError
	switch {
	case len(checks) == 0 || err != nil && !errors.As(err, &exit):
		r.Verdict = Broken
		r.Bad = append(r.Bad, lastLine(said))
	case failed > 0:
		r.Verdict = Fail
	case warned > 0:
		r.Verdict = Warnings
	case err != nil:
		r.Verdict = Fail
		r.Bad = append(r.Bad, "the host failed: "+hostError(said))
	default:
		r.Verdict = Pass
	}
}

func hostError(said string) string {
	for line := range strings.Lines(said) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "conformance: "); ok {
			return rest
		}
	}
	return lastLine(said)
}

func lastLine(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return lines[len(lines)-1]
}
