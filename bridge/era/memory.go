package era

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"drawbridge/bridge/config"
)

// legacyLasts is how long a server that was legacy is taken for one without
// asking: one that has become modern is to be noticed some day, for nothing
// fails with it that would tell.
const legacyLasts = 24 * time.Hour

// Memory remembers the era of servers by their endpoint, with a date. Its files
// hold nothing secret and nothing that names the server.
type Memory struct {
	// Dir is the folder of the files; it is made when something is to be kept.
	Dir string
	// Now is the clock; nil: the computer's.
	Now func() time.Time
}

type remembered struct {
	Era Era       `json:"era"`
	At  time.Time `json:"at"`
}

func (m Memory) file(endpoint string) string {
	sum := sha256.Sum256([]byte(endpoint))
	return filepath.Join(m.Dir, hex.EncodeToString(sum[:12])+".json")
}

func (m Memory) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// Load is what is known of an endpoint, or Unknown.
func (m Memory) Load(endpoint string) Era {
	raw, err := os.ReadFile(m.file(endpoint))
	if err != nil {
		return Unknown
	}
	var r remembered
	if json.Unmarshal(raw, &r) != nil {
		return Unknown
	}
	age := m.now().Sub(r.At)
	switch {
	case r.Era == Modern, r.Era == Legacy && 0 <= age && age < legacyLasts:
		return r.Era
	}
	return Unknown
}

// Store keeps what a server has shown to be; Unknown forgets it. A file that
// says the same is left alone while it is young.
func (m Memory) Store(endpoint string, e Era) error {
	if e == Unknown {
		err := os.Remove(m.file(endpoint))
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	if m.Load(endpoint) == e {
		return nil
	}
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return err
	}
	raw, err := json.Marshal(remembered{e, m.now().UTC()})
	if err != nil {
		return err
	}
	return config.WriteFile(m.file(endpoint), raw)
}
