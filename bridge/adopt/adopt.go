// Package adopt takes over what a person has set up with mcp-remote: the
// servers that clients' settings start through it, its options, and the
// sign-ins that it keeps as plain files.
//
// Looking changes nothing (Look, Verify); Apply does what was looked at, and
// removes files only when told to. The package reads other programs' files and
// must not know how the keychain or the traffic of MCP works: tokens go straight
// from their file to bridge/credential, which checks them.
package adopt

import (
	"drawbridge/bridge/clients"
	"drawbridge/bridge/config"
	"drawbridge/bridge/secret"
)

// Where says where to look. The zero value of a field means that there is
// nothing to look at.
type Where struct {
	// Env finds the clients' settings and the home folder.
	Env clients.Env
	// Folder is the current folder, for project settings.
	Folder string
	// Getenv reads the environment of this process.
	Getenv func(string) (string, bool)
	// OwnHeaders are the headers that Drawbridge sets by itself.
	OwnHeaders []string
}

// Found is what there is to take over.
type Found struct {
	// Stores are the folders that mcp-remote keeps sign-ins in, those that exist.
	Stores []string
	// Servers are what entries of clients start through mcp-remote; one for each
	// combination of options that mcp-remote keeps apart.
	Servers []*Server
	// Leftovers are stored sign-ins that belong to no entry.
	Leftovers []*Stored
	// Unread are files that could not be read, with the reason.
	Unread []string
}

// Server is one remote server, as an mcp-remote command line describes it.
type Server struct {
	// Server is the proposed one, or the one in the settings that has the address.
	Server config.Server
	// Exists: it is in the settings already.
	Exists bool
	// Entries are where it stands in clients' settings; empty for a leftover
	// whose address became known.
	Entries []Entry
	// Options are those of its command line, and what becomes of each.
	Options []Option
	// Stored is its sign-in, or nil.
	Stored *Stored
	// SignIn is what becomes of the sign-in; Verify fills it in.
	SignIn SignIn

	env          clients.Env
	line         commandLine
	clientSecret secret.String
	outdated     []*Stored // earlier copies of the sign-in, in folders of older releases
}

// Works reports whether the server is likely to work with the options that
// Drawbridge has.
func (s *Server) Works() bool {
	for _, o := range s.Options {
		if o.Outcome == Missing && !o.LikelyWorks {
			return false
		}
	}
	return true
}

// Outcome is what becomes of an option.
type Outcome string

// The outcomes.
const (
	// Kept: it becomes a setting of Drawbridge.
	Kept Outcome = "kept"
	// Needless: Drawbridge does that by itself, or has no use for it.
	Needless Outcome = "needless"
	// Missing: Drawbridge has no such option.
	Missing Outcome = "missing"
)

// Option is one option of a command line, or a variable of an entry. Nothing in
// it is secret.
type Option struct {
	// Name is the option as written, such as --header X-Team.
	Name    string  `json:"option"`
	Outcome Outcome `json:"outcome"`
	// Says is what it means and what becomes of it, in a sentence.
	Says string `json:"says"`
	// LikelyWorks: the server is likely to work without it. It counts for Missing.
	LikelyWorks bool `json:"likelyWorks"`
}

// SignInState is what becomes of a stored sign-in.
type SignInState string

// The states of a sign-in.
const (
	// TakeOver: it can be taken over, or has been.
	TakeOver SignInState = "take_over"
	// Already: somebody is signed in with Drawbridge; the stored one stays.
	Already SignInState = "already_signed_in"
	// Open: the server wants nobody to sign in.
	Open SignInState = "not_needed"
	// Needed: a person has to sign in.
	Needed SignInState = "sign_in_needed"
)

// SignIn is what becomes of the sign-in of a server.
type SignIn struct {
	State SignInState `json:"state"`
	// Says is why, in a sentence; "" when there is nothing to say.
	Says string `json:"says,omitempty"`
	// Next is what to do; "" when there is nothing.
	Next string `json:"next,omitempty"`

	away bool // the server or its provider did not answer
}
