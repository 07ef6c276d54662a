//go:build bindings

package main

// generating is true in the binary that writes the bindings of the front end:
// it runs main, and must not touch the user's files on the way.
const generating = true
