package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"drawbridge/bridge/config"
	"drawbridge/bridge/credential"
	"drawbridge/bridge/fault"
	"drawbridge/bridge/vault"
)

// attend notes what this process may ask a person for: `stdio` speaks a protocol
// and is started by a program, also where that program has a terminal; the agent
// may be started by hand, but nobody waits for it.
func (a *app) attend(cmd *cobra.Command, _ []string) {
	top := cmd
	for top.HasParent() && top.Parent().HasParent() {
		top = top.Parent()
	}
	a.mayAsk = top.Name() != "stdio"
	a.attended = a.mayAsk && top.Name() != "agent"
}

// ownVault reports whether this run keeps secrets elsewhere than an agent would,
// which goes by the settings.
func (a *app) ownVault(p config.Paths) bool {
	switch a.vaultKind {
	case "":
		return false
	case "memory":
		return true
	}
	settings, err := config.Load(p)
	return err != nil || settings.Vault.InFile() != (a.vaultKind == config.FileVault)
}

func (a *app) vault() *cobra.Command {
	cmd := &cobra.Command{
		Use: "vault", GroupID: "more",
		Short: "See where secrets are kept, and move them",
		Long: `See where secrets are kept, and move them. They are in the keychain of this
computer unless you choose an encrypted file, in words.`,
		Example: "  drawbridge vault status\n  drawbridge vault move --to file --key-file ~/.drawbridge-key.txt",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.vaultStatus(), a.vaultMove())
	return cmd
}

// vaultOut is the JSON of `vault status`.
type vaultOut struct {
	Kind        string          `json:"kind"`
	KeyFile     string          `json:"keyFile,omitempty"`
	Files       []string        `json:"files,omitempty"`
	Reachable   bool            `json:"reachable"`
	Locked      bool            `json:"locked"`
	Entries     int             `json:"entries"`
	Damaged     []damagedOut    `json:"damaged"`
	Strays      int             `json:"strays"`
	Interrupted *interruptedOut `json:"interruptedMove,omitempty"`
	Problem     *problemOut     `json:"problem,omitempty"`
}

type damagedOut struct {
	Name string `json:"name"`
	How  string `json:"how"`
}

type interruptedOut struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Stale string `json:"copiesLeftIn"`
}

func (a *app) vaultStatus() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where secrets are kept and whether they can be read",
		Long: `Show where secrets are kept, whether that place can be reached, how many entries it
holds, and which of them are damaged. No secret is shown and nobody is asked to
unlock anything. The exit status is 12 when secrets cannot be read now.`,
		Example: "  drawbridge vault status\n  drawbridge vault status --json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			a.mayAsk = false
			v, err := a.openVault(p)
			if v == nil {
				return err
			}
			known, err := a.knownEntries(p)
			if err != nil {
				return err
			}
			st, err := v.Status(cmd.Context(), known)
			if err != nil {
				return err
			}
			if asJSON {
				err = a.printJSON(vaultJSON(st))
			} else {
				a.printVault(st)
			}
			if err == nil && (st.Err != nil || st.Locked) {
				return a.unreadable(st)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// unreadable is the error of a vault that cannot be read at the moment.
func (a *app) unreadable(st vault.Status) error {
	switch {
	case st.Err != nil:
		return st.Err
	case st.Choice.InFile():
		return fault.New(fault.KeychainLocked, "The vault file is locked: it wants its passphrase.", "Commands ask for it; a client or the agent needs a key file: drawbridge vault move --to file --key-file FILE")
	}
	return fault.New(fault.KeychainLocked, "The keychain is locked.", "Unlock it: log in to the desktop, or open your password manager.")
}

// knownEntries are the names of entries that settings and facts tell of.
func (a *app) knownEntries(p config.Paths) ([]string, error) {
	settings, err := config.Load(p)
	if err != nil {
		return nil, err
	}
	m := credential.NewManager(credential.Config{Paths: p, Log: a.quietLog(), Version: a.Version})
	names, err := m.Entries(settings)
	if err != nil { // one damaged file must not hide the others
		a.warn(fault.Wrap(err, fault.Storage, "What is known of a sign-in cannot be read.", "Its next use or sign-in writes it anew."))
	}
	return names, nil
}

func vaultJSON(st vault.Status) vaultOut {
	out := vaultOut{
		Kind: kindOf(st.Choice), KeyFile: st.Choice.KeyFile, Files: st.Files, Reachable: st.Reachable, Locked: st.Locked,
		Entries: st.Entries, Damaged: []damagedOut{}, Strays: st.Strays,
	}
	for _, d := range st.Damaged {
		out.Damaged = append(out.Damaged, damagedOut{d.Name, string(d.How)})
	}
	if i := st.Interrupted; i != nil {
		out.Interrupted = &interruptedOut{placeOf(i.From), placeOf(i.To), placeOf(i.Stale)}
	}
	if st.Err != nil {
		e := fault.Public(st.Err)
		out.Problem = &problemOut{Code: e.Code, What: e.What, Next: e.Next}
	}
	return out
}

func kindOf(v config.Vault) string { return cmp.Or(v.Kind, config.KeychainVault) }

// placeOf names a vault in a sentence.
func placeOf(v config.Vault) string {
	switch {
	case !v.InFile():
		return "the keychain"
	case v.KeyFile == "":
		return "the vault file with a passphrase"
	}
	return "the vault file with the key " + v.KeyFile
}

func (a *app) printVault(st vault.Status) {
	fmt.Fprintf(a.Stdout, "Secrets are kept in %s.\n", placeOf(st.Choice))
	for _, f := range st.Files {
		fmt.Fprintf(a.Stdout, "  file      %s\n", f)
	}
	state := "can be read"
	switch {
	case !st.Reachable:
		state = "cannot be reached"
	case st.Locked:
		state = "locked"
	case st.Err != nil:
		state = "cannot be read"
	}
	fmt.Fprintf(a.Stdout, "  state     %s\n", state)
	counted := ""
	if state != "can be read" {
		counted = " when last looked at"
	}
	fmt.Fprintf(a.Stdout, "  entries   %d%s\n", st.Entries, counted)
	for _, d := range st.Damaged {
		fmt.Fprintf(a.Stdout, "  damaged   %s (%s): sign in to that server again\n", printable(d.Name), d.How)
	}
	if st.Strays > 0 {
		fmt.Fprintf(a.Stdout, "  rubbish   %d entries that belong to nothing, of writers that died; vault move leaves none\n", st.Strays)
	}
	if i := st.Interrupted; i != nil {
		fmt.Fprintf(a.Stdout, "  trouble   a move from %s to %s was interrupted; copies are left in %s.\n            To delete them: drawbridge vault move %s\n",
			placeOf(i.From), placeOf(i.To), placeOf(i.Stale), moveFlags(st.Choice))
	}
}

// moveFlags are the options that name a vault.
func moveFlags(v config.Vault) string {
	out := "--to " + kindOf(v)
	if v.KeyFile != "" {
		out += " --key-file " + v.KeyFile
	}
	return out
}

func (a *app) vaultMove() *cobra.Command {
	to, keyFile, leaveDamaged := "", "", false
	cmd := &cobra.Command{
		Use:   "move --to keychain | file",
		Short: "Move all secrets to another place",
		Long: `Move all secrets to another place and make the settings name it. Each is read back
before anything is deleted: when the move is interrupted, nothing is lost, and the
next one cleans up. Programs that are running notice.

A file is encrypted with age: to the identity in --key-file, which is made if it is
not there, or with a passphrase that you are asked for. Only commands in a terminal
can ask for it: clients and the agent need a key file. Moving from a file to the
same kind with another --key-file changes the key.`,
		Example: `  drawbridge vault move --to file --key-file ~/.drawbridge-key.txt
  drawbridge vault move --to keychain`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.vaultKind != "" {
				return fault.New(fault.Usage, "--vault does not go with vault move: what moves is the vault of the settings.", "Leave --vault out.")
			}
			p, err := a.paths()
			if err != nil {
				return err
			}
			choice, err := moveTarget(to, keyFile)
			if err != nil {
				return err
			}
			v, err := a.openVault(p)
			if err != nil {
				return err
			}
			known, err := a.knownEntries(p)
			if err != nil {
				return err
			}
			if choice.KeyFile != "" {
				made, err := vault.CreateKeyFile(choice.KeyFile)
				if err != nil {
					return err
				}
				if made {
					fmt.Fprintf(a.Stderr, "Made the key file %s. Keep a copy where no copy of the vault file is.\n", choice.KeyFile)
				}
			}
			done, err := v.Move(cmd.Context(), choice, vault.MoveOptions{Known: known, LeaveDamaged: leaveDamaged})
			a.sayMoved(done, err)
			return err
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "keychain or file (`KIND`)")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "the age identity that opens the file (`FILE`); without it, a passphrase")
	cmd.Flags().BoolVar(&leaveDamaged, "leave-damaged", false, "leave damaged entries where they are instead of stopping")
	return cmd
}

// moveTarget is the vault that the options name.
func moveTarget(to, keyFile string) (config.Vault, error) {
	const next = "Run: drawbridge vault move --help"
	choice := config.Vault{Kind: to}
	switch {
	case to == "":
		return choice, fault.New(fault.Usage, "--to is missing.", next)
	case to == config.KeychainVault && keyFile != "":
		return choice, fault.New(fault.Usage, "--key-file goes with --to file.", next)
	case to != config.KeychainVault && to != config.FileVault:
		return choice, fault.New(fault.Usage, fmt.Sprintf("There is no vault %q to move to.", to), "Use --to keychain or --to file.")
	}
	if keyFile != "" {
		if rest, ok := strings.CutPrefix(keyFile, "~"+string(filepath.Separator)); ok { // --key-file=~/x is not the shell's
			if home, err := os.UserHomeDir(); err == nil {
				keyFile = filepath.Join(home, rest)
			}
		}
		path, err := filepath.Abs(keyFile)
		if err != nil {
			return choice, fault.Wrap(err, fault.Usage, fmt.Sprintf("%q is no path.", keyFile), next)
		}
		choice.KeyFile = path
	}
	return choice, choice.Check()
}

func (a *app) sayMoved(done vault.Moved, err error) {
	if done.Cleaned > 0 {
		fmt.Fprintln(a.Stderr, "Deleted what an interrupted move had left.")
	}
	switch {
	case err != nil && done.Entries == 0:
		return
	case done.Already && done.Cleaned == 0 && err == nil:
		fmt.Fprintf(a.Stderr, "Secrets are kept in %s already.\n", placeOf(done.To))
	case !done.Already:
		fmt.Fprintf(a.Stderr, "Moved %d entries from %s to %s.\n", done.Entries, placeOf(done.From), placeOf(done.To))
		if done.To.InFile() && done.To.KeyFile == "" {
			fmt.Fprintln(a.Stderr, "Only commands in a terminal can ask for the passphrase: clients and the agent need --key-file.")
		}
	}
	var left []error
	for _, d := range done.Left {
		left = append(left, &d)
	}
	if err := errors.Join(left...); err != nil {
		fmt.Fprintf(a.Stderr, "Left behind: %s\n", strings.ReplaceAll(printable(strings.ReplaceAll(err.Error(), "\n", "; ")), "; ", "\n             "))
	}
}
