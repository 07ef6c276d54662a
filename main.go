// Drawbridge signs a person in to remote MCP servers and lets every MCP client
// on the machine use them.
//
// One root package, four builds: a plain `go build` gives the command
// `drawbridge` (main_cli.go), the tags desktop,production,webkit2_41 give its
// window, `drawbridge-desktop` (main_window.go), the tag demo gives
// `drawbridge-demo` (main_demo.go), and the tag replica `drawbridge-replica`
// (main_replica.go).
package main

import "os"

func main() {
	os.Exit(run())
}
