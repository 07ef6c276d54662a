package test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"drawbridge/test/harness"
)

// BenchmarkStart measures the start of the lean binary beside its floor, a
// static Go program that does nothing, in the same run.
func BenchmarkStart(b *testing.B) {
	harness.Skip(b)
	floor := buildFloor(b)
	for name, argv := range map[string][]string{"drawbridge": {os.Getenv(harness.EnvBinary), "version"}, "floor": {floor}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := exec.Command(argv[0], argv[1:]...).Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func buildFloor(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	source := filepath.Join(dir, "floor.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "floor"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "floor")
}

// BenchmarkIdleMemory reports the resident memory of `drawbridge stdio` that has
// answered initialize and waits, in MB.
func BenchmarkIdleMemory(b *testing.B) {
	harness.Skip(b)
	dir := b.TempDir()
	for b.Loop() {
		cmd := exec.Command(os.Getenv(harness.EnvBinary), "stdio", "--url", "http://127.0.0.1:9/mcp", "--no-agent", "--vault", "memory")
		cmd.Env = append(os.Environ(), "DRAWBRIDGE_CONFIG_DIR="+dir, "DRAWBRIDGE_STATE_DIR="+dir)
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		_, _ = io.WriteString(in, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`+"\n")
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(resident(b, cmd.Process.Pid), "MB-resident")
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
