package vault

import (
	"os"
	"path/filepath"
	"sync"

	"drawbridge/bridge/config"
)

// Config says where a vault's parts are. Paths is required.
type Config struct {
	Paths config.Paths
	// Choice is the vault to use; nil: the one that the settings name, at every
	// moment. A process that runs on notices when they name another one.
	Choice *config.Vault
	// Service is the name of our entries in the keychain; "": DefaultService.
	Service string
	// Ask asks for a passphrase; nil: nobody can be asked.
	Ask Ask
	// Attended: a person waits for this very process, and may be asked to unlock
	// the keychain although he has just let that prompt go by.
	Attended bool
}

// files are the places and choices of an opened Vault.
type files struct {
	Config
	work  int // scrypt's, for new passphrases
	limit int // of a value in the keychain

	mu      sync.Mutex
	stores  map[config.Vault]*store // one for each choice, for the life of the process
	seen    os.FileInfo             // of the settings file when choice was read; nil: it was not there
	choice  config.Vault
	looked  bool
	backend func(config.Vault) Backend // tests wrap backends; nil: as they are
}

// Open makes the Vault that the settings, or c.Choice, name. Nothing is touched
// until the first call. It takes turns with the writers of other processes that
// use the same state folder.
func Open(c Config) *Vault {
	if c.Service == "" {
		c.Service = DefaultService
	}
	f := &files{Config: c, work: workFactor, limit: valueLimit, stores: map[config.Vault]*store{}}
	return &Vault{
		pick: f.pick, files: f,
		locks: &locks{dir: c.Paths.Locks()},
		index: &index{dir: filepath.Join(c.Paths.State, "vault-names")},
	}
}

// pick is the store of the choice of this moment.
func (f *files) pick() (*store, error) {
	choice, err := f.chosen()
	if err != nil {
		return nil, err
	}
	return f.store(choice), nil
}

// chosen reads the settings again when their file has changed. Settings that
// cannot be read while somebody edits them leave the last choice standing.
func (f *files) chosen() (config.Vault, error) {
	if f.Choice != nil {
		return *f.Choice, nil
	}
	info, err := os.Stat(f.Paths.SettingsFile())
	if err != nil {
		info = nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.looked && sameFile(info, f.seen) {
		return f.choice, nil
	}
	settings, err := config.Load(f.Paths)
	switch {
	case err == nil:
		f.choice, f.seen, f.looked = settings.Vault, info, true
	case !f.looked:
		return config.Vault{}, err
	}
	return f.choice, nil
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// store is the place that a choice means: the same one for the same choice.
func (f *files) store(choice config.Vault) *store {
	if !choice.InFile() {
		choice = config.Vault{Kind: config.KeychainVault}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stores[choice]
	if s == nil {
		s = f.open(choice)
		f.stores[choice] = s
	}
	return s
}

func (f *files) open(choice config.Vault) *store {
	var b Backend
	limit, place := f.limit, "the keychain"
	if choice.InFile() {
		b, limit, place = f.file(choice, false), fileLimit, "the vault file"
	} else {
		b = &keychain{service: f.Service, gate: newGate(f.Paths.Locks(), f.Attended)}
	}
	if f.backend != nil {
		b = f.backend(choice)
	}
	return newStore(b, limit, place)
}

// file is the backend of an encrypted file. begin: it may be begun although
// there is one of another key, as a move does.
func (f *files) file(choice config.Vault, begin bool) *fileBackend {
	key := &fileKey{path: choice.KeyFile, dir: f.Paths.State, make: begin, ask: f.Ask, work: f.work, turn: make(chan struct{}, 1)}
	if key.path == "" {
		key.own, key.path = true, filepath.Join(f.Paths.State, "vault-key.age")
	}
	return &fileBackend{dir: f.Paths.State, lock: filepath.Join(f.Paths.Locks(), "vault-file.lock"), key: key, begin: begin}
}

// CanOpen reports, without asking anybody, why the chosen vault cannot be used
// by this process at all: the key file is missing or open to others, or a
// passphrase is wanted and there is nobody to ask. A keychain counts as usable
// until it is used.
func (v *Vault) CanOpen() error {
	if v.files == nil {
		return nil
	}
	choice, err := v.files.chosen()
	if err != nil || !choice.InFile() {
		return err
	}
	file, ok := v.files.store(choice).backend.(*fileBackend)
	if !ok {
		return nil
	}
	locked, err := file.key.probe()
	if err == nil && v.files.Ask == nil && (locked || file.key.own) {
		err = nobodyFault(ErrNobody)
	}
	return err
}
