//go:build (desktop || dev) && !bindings

package main

// generating: see main_bindings.go.
const generating = false
