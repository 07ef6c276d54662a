//go:build !linux && !(desktop || bindings || dev || demo)

package main

// forgetStart has nothing to do where pages of a program that were not used for
// a while do not count as its own.
func forgetStart() (stop func()) { return func() {} }
