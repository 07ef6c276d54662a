// Command front runs the server scenarios of the official MCP conformance suites
// against `drawbridge serve`, once with the real server-everything behind it and
// once with a server that has what the scenarios ask for by name
// (../fixtures.mjs; ../../eras/conformance.mjs for 2026-07-28), and against those two servers directly. What Drawbridge adds
// or takes away is the difference.
//
// It must not know drawbridge's packages: it sees the program as a client does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = 3 * time.Minute
	buildLimit = 15 * time.Minute
	suiteLimit = 10 * time.Minute
)

// suites are the suites and the revisions at which they are run; "" is all that
// a suite has.
var suites = []struct{ folder, version, revision string }{
	{"conformance-stable", "0.1.16", ""},
	{"conformance-alpha", "0.2.0-alpha.12", "2025-11-25"},
	{"conformance-alpha", "0.2.0-alpha.12", "2026-07-28"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report := flag.String("report", "", "write the verdicts into this file's table")
	binary := flag.String("drawbridge", "", "the drawbridge to test, instead of building one")
	verbose := flag.Bool("v", false, "print each failed check")
	flag.Parse()
	if err := run(ctx, *report, *binary, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "front:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, report, binary string, verbose bool) error {
	tmp, err := os.MkdirTemp("", "drawbridge-front-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if binary == "" {
		if binary, err = build(ctx, tmp); err != nil {
			return err
		}
	}
	var columns []column
	for _, server := range []struct{ name, script, only string }{
		{"server-everything", filepath.Join(here(), "..", "..", "node", "everything-http.mjs"), ""},
		{"fixtures", filepath.Join(here(), "..", "fixtures.mjs"), ""},
		{"fixtures of 2026-07-28", filepath.Join(here(), "..", "..", "eras", "conformance.mjs"), "2026-07-28"},
	} {
		p, err := startServer(ctx, server.script)
		if err != nil {
			return fmt.Errorf("%s: %w", server.name, err)
		}
		defer p.stop()
		front, err := startFront(ctx, binary, filepath.Join(tmp, server.name), p.url)
		if err != nil {
			return fmt.Errorf("drawbridge before %s: %w", server.name, err)
		}
		defer front.stop()
		columns = append(columns, column{server.name, p.url, server.only}, column{server.name + " through Drawbridge", front.url, server.only})
	}
	var all table
	for _, s := range suites {
		for i, c := range columns {
			if c.only != "" && c.only != s.revision {
				continue
			}
			dir := filepath.Join(tmp, fmt.Sprint(s.version, s.revision, i))
			verdicts, err := runSuite(ctx, s.folder, s.revision, c.url, dir, verbose)
			if err != nil {
				return fmt.Errorf("suite %s with %s: %w", s.version, c.name, err)
			}
			all.put(s.version, s.revision, i, verdicts)
		}
	}
	fmt.Print(all.render(columns))
	if report != "" {
		return write(report, all.render(columns))
	}
	return nil
}

func build(ctx context.Context, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	binary := filepath.Join(dir, "drawbridge")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = filepath.Join(here(), "..", "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build drawbridge: %w\n%s", err, out)
	}
	return binary, nil
}

// process is a program that serves at url until it is stopped.
type process struct {
	url  string
	stop func()
}

// start starts a program and waits for what find makes of one of its lines.
func start(cmd *exec.Cmd, out func() (io.ReadCloser, error), find func(line string) string) (process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return process{}, err
	}
	r, err := out()
	if err != nil {
		return process{}, err
	}
	if err := cmd.Start(); err != nil {
		return process{}, err
	}
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if url := find(lines.Text()); url != "" {
				found <- url
				break
			}
		}
		_, _ = io.Copy(io.Discard, r)
		close(found)
	}()
	p := process{stop: func() {
		_ = in.Close()
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}}
	select {
	case url, ok := <-found:
		if ok {
			p.url = url
			return p, nil
		}
	case <-time.After(startLimit):
	}
	p.stop()
	return process{}, errors.New("it did not say where it serves")
}

func startServer(ctx context.Context, script string) (process, error) {
	cmd := exec.CommandContext(ctx, node(), script)
	return start(cmd, cmd.StdoutPipe, func(line string) string {
		if strings.HasPrefix(line, "http://") {
			return line
		}
		var at struct{ URL string }
		_ = json.Unmarshal([]byte(line), &at)
		return at.URL
	})
}

// startFront adds the server and serves it without a guard: the suite sends no
// credentials.
func startFront(ctx context.Context, binary, dir, server string) (process, error) {
	env := append(os.Environ(), "DRAWBRIDGE_CONFIG_DIR="+filepath.Join(dir, "config"), "DRAWBRIDGE_STATE_DIR="+filepath.Join(dir, "state"))
	add := exec.CommandContext(ctx, binary, "add", "mcp", server)
	add.Env = env
	if out, err := add.CombinedOutput(); err != nil {
		return process{}, fmt.Errorf("%w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, binary, "--vault", "memory", "serve", "--guard", "none", "--no-audit", "--listen", "127.0.0.1:0")
	cmd.Env = env
	return start(cmd, cmd.StderrPipe, func(line string) string {
		if base, ok := strings.CutPrefix(line, "Serving at "); ok {
			return base + "/mcp/mcp"
		}
		return ""
	})
}

// here is the folder of this program's source.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

func node() string { return filepath.Join(here(), "..", "..", "bin", "node") }
