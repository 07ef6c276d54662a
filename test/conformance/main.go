// Command conformance drives the official MCP conformance suite
// (npm @modelcontextprotocol/conformance) through `drawbridge stdio`.
//
// The suite starts a test server for each scenario and runs a client with the
// server's URL. That client is this program again, as `conformance host`: it
// starts drawbridge on the URL and plays the MCP host at its standard input and
// output, once as a host of the initialize era and once as one of 2026-07-28.
// What the suite then judges is what drawbridge sent to the server.
//
// It must not know drawbridge's packages: it sees the program as a client does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const usage = `usage:
  conformance run [-only PREFIX] [-report FILE]   run the suite and print a table
  conformance host -era legacy|modern URL         what the suite starts; see run
  conformance browser URL                         follow the redirects of a sign-in
`

var errUsage = errors.New("wrong use; without arguments it says how")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var err error
	switch rest := os.Args[2:]; os.Args[1] {
	case "run":
		err = run(ctx, rest)
	case "host":
		err = host(ctx, rest)
	case "browser":
		err = browse(ctx, rest)
	default:
		err = errUsage
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	only := flags.String("only", "", "run the scenarios whose names begin with this; several separated by commas")
	report := flags.String("report", "", "write the verdicts into this file's table")
	jobs := flags.Int("jobs", max(1, runtime.NumCPU()/2), "how many to run at once")
	binary := flags.String("drawbridge", "", "the drawbridge to test, instead of building one")
	output := flags.String("output", "", "keep what was said in this folder")
	verbose := flags.Bool("v", false, "print each failed check")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bench, err := newBench(ctx, *binary, *output)
	if err != nil {
		return err
	}
	defer bench.Close()
	all, err := bench.Runs(ctx)
	if err != nil {
		return err
	}
	chosen := choose(all, *only)
	if len(chosen) == 0 {
		return fmt.Errorf("no scenario begins with %q", *only)
	}
	results := bench.Run(ctx, chosen, *jobs, func(r Result) {
		fmt.Fprintf(os.Stderr, "%-8s %-42s %-14s %-10s %-6s %s\n", r.Verdict, r.Scenario, r.Suite, r.Version, r.Host, r.Took.Round(100e6))
		if *verbose {
			for _, c := range r.Bad {
				fmt.Fprintf(os.Stderr, "         %s\n", c)
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	rows := tabulate(results)
	fmt.Print(rows.String())
	fmt.Println(summary(results))
	if bench.kept {
		fmt.Fprintln(os.Stderr, "what was said is in", bench.output)
	}
	if *report != "" {
		return writeReport(*report, rows)
	}
	return nil
}

func choose(all []Run, only string) []Run {
	if only == "" {
		return all
	}
	var chosen []Run
	for _, r := range all {
		for prefix := range strings.SplitSeq(only, ",") {
			if strings.HasPrefix(r.Scenario, strings.TrimSpace(prefix)) {
				chosen = append(chosen, r)
				break
			}
		}
	}
	return chosen
}

// here is the folder of this program's source, where its npm packages are.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}
