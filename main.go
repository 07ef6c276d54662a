// Drawbridge signs a person in to remote MCP servers and lets every MCP client
// on the machine use them.
//
// One root package, two builds: a plain `go build` gives the command
// `drawbridge` (main_cli.go), the tags desktop,production,webkit2_41 give its
// window, `drawbridge-desktop` (main_window.go).
package main

import "os"

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(run())
}
