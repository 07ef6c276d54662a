//go:build !unix && !(desktop || bindings || dev)

package main

// noCoreDumps has nothing to do where dumps are off unless an administrator
// asks for them.
func noCoreDumps() {}
