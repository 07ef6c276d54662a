// The program man writes the manual: a page for each command of drawbridge, made
// of the commands themselves, so that it cannot say anything else than --help.
// Packages bring the pages along; drawbridge itself does not know how they are
// made, because each bridge would keep the typesetter in memory.
//
//	go run ./build/man -version 1.2.3 -dir share/man/man1
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra/doc"

	"drawbridge/bridge/cli"
)

func main() {
	version := flag.String("version", "dev", "the version that the pages name")
	dir := flag.String("dir", "", "the folder to write into, made when it is missing")
	flag.Parse()
	if err := write(*version, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// write makes the pages of that version in dir.
func write(version, dir string) error {
	if dir == "" {
		return fmt.Errorf("-dir is missing")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Commands(version)
	root.DisableAutoGenTag = true // the same program writes the same pages
	date := time.Unix(0, 0).UTC()
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Drawbridge " + version, Manual: "Drawbridge", Date: &date}, dir)
}
