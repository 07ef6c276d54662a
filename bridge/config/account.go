package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"drawbridge/bridge/fault"
)

// DefaultAccount is the account of a server when nobody names one.
const DefaultAccount = "default"

// FolderRule says which account of a server counts in a folder and below it.
type FolderRule struct {
	// Folder is an absolute path.
	Folder string `json:"folder"`
	// Server is the name of a server in the settings.
	Server string `json:"server"`
	// Account is the one to use there.
	Account string `json:"account"`
}

// Source is what an account was chosen by.
type Source string

// The sources, the strongest first.
const (
	// Asked: the person named it, as NAME@ACCOUNT or with --account.
	Asked Source = "asked"
	// ByFolder: the rule of the nearest folder above the working folder.
	ByFolder Source = "folder"
	// ByServer: the server's default account in the settings.
	ByServer Source = "server"
	// BuiltIn: nothing says otherwise, so it is DefaultAccount.
	BuiltIn Source = "built_in"
)

// Choice is an account of a server and what it was chosen by.
type Choice struct {
	Account string
	Source  Source
	// Folder is the rule's folder when the Source is ByFolder.
	Folder string
}

// CheckAccount refuses names that no account can have. An e-mail address is a
// good one: `drawbridge login notes@ada@example.com`.
func CheckAccount(name string) error {
	local, host, isEmail := strings.Cut(name, "@")
	good := goodName(strings.ReplaceAll(local, "+", "-")) && (!isEmail || goodName(host))
	if good && len(name) <= 64 {
		return nil
	}
	return fault.New(fault.Usage,
		fmt.Sprintf("%q is not a good name for an account.", name),
		"Use up to 64 letters, digits, '.', '_', '+' and '-', starting with a letter or a digit, or an e-mail address.")
}

// SplitName takes NAME or NAME@ACCOUNT apart; account is "" when none is named.
// No server's name holds an @, so the first one separates. Its error is
// CheckAccount's; the server's name is not looked at.
func SplitName(s string) (server, account string, err error) {
	server, account, named := strings.Cut(s, "@")
	if !named {
		return s, "", nil
	}
	return server, account, CheckAccount(account)
}

// SameAccount reports whether two names mean one account. Case does not count:
// the names become file names, and some file systems fold it.
func SameAccount(a, b string) bool { return strings.EqualFold(a, b) }

// DefaultName is the server's account when no folder rule says otherwise.
func (s Server) DefaultName() string {
	if s.Account != "" {
		return s.Account
	}
	return DefaultAccount
}

// Label is how a person names an account of the server, fit for a command line:
// NAME alone where that says it, else NAME@ACCOUNT. For an unnamed server it is
// the URL, with the account beside it.
func (s Server) Label(account string) string {
	plain := account == "" || SameAccount(account, DefaultAccount)
	switch {
	case s.Name == "" && plain:
		return s.URL
	case s.Name == "":
		return s.URL + " (" + account + ")"
	case plain && SameAccount(s.DefaultName(), DefaultAccount):
		return s.Name
	case account == "":
		account = DefaultAccount
	}
	return s.Name + "@" + account
}

// Choose is the account of a server that counts in a working folder: that of
// the nearest folder rule, else the server's default. folder may be "" when it
// is not known.
func (s *Settings) Choose(server Server, folder string) Choice {
	if folder != "" && server.Name != "" {
		at := realPath(folder)
		best, depth := -1, -1
		for i, rule := range s.Folders {
			above := realPath(rule.Folder)
			if strings.EqualFold(rule.Server, server.Name) && within(at, above) && len(above) > depth {
				best, depth = i, len(above)
			}
		}
		if best >= 0 {
			return Choice{Account: s.Folders[best].Account, Source: ByFolder, Folder: s.Folders[best].Folder}
		}
	}
	if server.Account != "" {
		return Choice{Account: server.Account, Source: ByServer}
	}
	return Choice{Account: DefaultAccount, Source: BuiltIn}
}

// Accounts are the accounts of a server that the settings name, its default
// first.
func (s *Settings) Accounts(server Server) []string {
	out := []string{server.DefaultName()}
	for _, rule := range s.Folders {
		known := slices.ContainsFunc(out, func(a string) bool { return SameAccount(a, rule.Account) })
		if strings.EqualFold(rule.Server, server.Name) && !known {
			out = append(out, rule.Account)
		}
	}
	return out
}

// Use makes an account a server's default or, with a folder, the one that
// counts there; the account "" takes that back. It reports whether anything is
// different then.
func (s *Settings) Use(name, account, folder string) (changed bool, err error) {
	server, err := s.Find(name)
	if err != nil {
		return false, err
	}
	if account != "" {
		if err := CheckAccount(account); err != nil {
			return false, err
		}
	}
	if folder == "" {
		at := &s.Servers[s.index(name)]
		if account != "" && SameAccount(account, DefaultAccount) {
			account = "" // which is what it is without a word
		}
		changed, at.Account = at.Account != account, account
		return changed, nil
	}
	if !filepath.IsAbs(folder) {
		return false, fault.New(fault.Usage, fmt.Sprintf("%q is not an absolute path.", folder), "Give the folder's full path.")
	}
	folder = filepath.Clean(folder)
	i := slices.IndexFunc(s.Folders, func(r FolderRule) bool {
		return strings.EqualFold(r.Server, server.Name) && samePlace(r.Folder, folder)
	})
	switch {
	case account == "" && i < 0:
		return false, nil
	case account == "":
		s.Folders = slices.Delete(s.Folders, i, i+1)
	case i >= 0:
		changed := s.Folders[i].Account != account
		s.Folders[i].Account = account
		return changed, nil
	default:
		s.Folders = append(s.Folders, FolderRule{Folder: folder, Server: server.Name, Account: account})
	}
	return true, nil
}

// Unuse takes back all that the settings say of one account of a server.
func (s *Settings) Unuse(server Server, account string) {
	if i := s.index(server.Name); i >= 0 && SameAccount(s.Servers[i].Account, account) {
		s.Servers[i].Account = ""
	}
	s.Folders = slices.DeleteFunc(s.Folders, func(r FolderRule) bool {
		return strings.EqualFold(r.Server, server.Name) && SameAccount(r.Account, account)
	})
}

// check validates one rule on its own.
func (r FolderRule) check() error {
	if !filepath.IsAbs(r.Folder) {
		return fault.New(fault.Usage, fmt.Sprintf("The folder %q is not an absolute path.", r.Folder), "Give the folder's full path.")
	}
	if err := CheckName(r.Server); err != nil {
		return err
	}
	return CheckAccount(r.Account)
}

// realPath is the folder without links, as far as it is there: a client may
// start us by the one name while the rule has the other.
func realPath(folder string) string {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		return real
	}
	return filepath.Clean(folder)
}

// within reports whether folder is above or below it; both are clean.
func within(folder, above string) bool {
	rel, err := filepath.Rel(above, folder)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func samePlace(a, b string) bool {
	return filepath.Clean(a) == filepath.Clean(b) || realPath(a) == realPath(b)
}
