// Package fault is an error that a person meets: a code, one line of what
// happened, one line of what to do, and a cause that only the log sees.
//
// It must not know any other package of Drawbridge.
package fault

import (
	"errors"
	"strings"
)

// Code names a kind of failure. It is stable: scripts and the window read it.
type Code string

// The codes. ExitStatus maps them to the exit status of the commands.
const (
	// Internal is a failure that nobody foresaw.
	Internal Code = "internal"
	// Usage is a command line or argument that cannot be understood.
	Usage Code = "usage"
	// BadURL is a server address that is not an https URL (or http to loopback).
	BadURL Code = "bad_url"
	// UnknownServer is a name that no server in the settings has.
	UnknownServer Code = "unknown_server"
	// ServerExists is a name that is taken already.
	ServerExists Code = "server_exists"
	// BadSettings is a settings file that cannot be read as one.
	BadSettings Code = "bad_settings"
	// Storage is a file that cannot be written: a full disk, missing rights.
	Storage Code = "storage"
	// SignInNeeded means that only a person can go on, in the browser.
	SignInNeeded Code = "sign_in_needed"
	// SignInRefused means that the person or the authorization server said no.
	SignInRefused Code = "sign_in_refused"
	// SignInTimeout means that nobody finished the sign-in in time.
	SignInTimeout Code = "sign_in_timeout"
	// Unreachable is a server that does not answer: no network, no host, 5xx.
	Unreachable Code = "unreachable"
	// NotMCP is an address that answers, but not as an MCP server.
	NotMCP Code = "not_mcp"
	// BadMetadata is OAuth metadata that is missing, malformed or about somebody else.
	BadMetadata Code = "bad_metadata"
	// Unsupported is an authorization server that lacks what MCP demands.
	Unsupported Code = "unsupported"
	// Refused is an answer of the authorization server that ends the attempt.
	Refused Code = "refused"
	// CannotListen is an address that cannot be listened on now: another program is there.
	CannotListen Code = "cannot_listen"
	// NoKeychain means that the OS keychain is not there.
	NoKeychain Code = "no_keychain"
	// KeychainLocked means that the OS keychain is there but stays locked.
	KeychainLocked Code = "keychain_locked"
	// AgentAway means that the agent could not be reached or started.
	AgentAway Code = "agent_away"
	// OtherAccount means that somebody else signed in than the account belongs to.
	OtherAccount Code = "other_account"
	// NotSignedIn means that there is no credential to act on.
	NotSignedIn Code = "not_signed_in"
	// ForeignEntry is an entry of a client's settings that is not Drawbridge's.
	ForeignEntry Code = "foreign_entry"
	// FileChanged is a file that is no longer what a change was worked out on.
	FileChanged Code = "file_changed"
)

// ExitStatus is the exit status of a command that ends with the code:
// 1 error, 2 usage, 10 sign-in needed, 11 server unreachable, 12 no keychain.
func (c Code) ExitStatus() int {
	switch c {
	case Usage, BadURL, UnknownServer, ServerExists, ForeignEntry:
		return 2
	case SignInNeeded, NotSignedIn:
		return 10
	case Unreachable:
		return 11
	case NoKeychain, KeychainLocked:
		return 12
	default:
		return 1
	}
}

// Error is a failure that a person can read. What and Next never hold a
// secret, a stack or the text of another program's error; Cause may hold the
// last of these and goes to the log only.
type Error struct {
	Code  Code
	What  string // one line: what happened
	Next  string // one line: what to do; may be empty
	Cause error  // for the log; may be nil
}

// New makes an Error without a cause.
func New(code Code, what, next string) *Error {
	return &Error{Code: code, What: what, Next: next}
}

// Wrap makes an Error with cause. It returns nil for a nil cause.
func Wrap(cause error, code Code, what, next string) error {
	if cause == nil {
		return nil
	}
	return &Error{Code: code, What: what, Next: next, Cause: cause}
}

// Error is the text for the log: what happened and why.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.What
	}
	return e.What + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Public finds what a person should read about err: the outermost Error in its
// chain, or an Internal one made of err's own text. It returns nil for nil.
func Public(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, What: firstLine(err.Error()), Cause: err}
}

// CodeOf is the code of Public(err), or "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return Public(err).Code
}

// Is reports whether err is a failure with the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
