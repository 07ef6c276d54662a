package guard

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
)

const (
	// keysFresh is how long fetched keys are used without another look.
	keysFresh = 15 * time.Minute
	// keysPause is the shortest time between two fetches on account of unknown
	// key ids, which anybody can make up.
	keysPause = 30 * time.Second
	// keysStale is how long old keys are used while the issuer is away.
	keysStale = 24 * time.Hour
	maxKeySet = 1 << 20
	fetchWait = 10 * time.Second
)

// RemoteKeys is the published key set of an issuer (RFC 7517), fetched when it
// is first wanted, when it is old, and when a token names a key that it lacks.
type RemoteKeys struct {
	find func(ctx context.Context) (jwksURI string, err error)
	http *http.Client
	now  func() time.Time
	// changed is told when a key has gone, so that what it signed is looked at anew.
	changed func()

	mu      sync.Mutex
	busy    chan struct{} // a fetch under way; closed at its end
	keys    []publishedKey
	fetched time.Time
	tried   time.Time
	unknown time.Time // the last fetch on account of an unknown key id
	err     error
}

type publishedKey struct {
	id, alg string
	key     crypto.PublicKey
}

// NewRemoteKeys makes a RemoteKeys. find says where the keys are; it is asked
// before each fetch. changed may be nil.
func NewRemoteKeys(find func(context.Context) (string, error), client *http.Client, now func() time.Time, changed func()) *RemoteKeys {
	if now == nil {
		now = time.Now
	}
	if changed == nil {
		changed = func() {}
	}
	return &RemoteKeys{find: find, http: client, now: now, changed: changed}
}

// Key implements KeySet.
func (r *RemoteKeys) Key(ctx context.Context, kid, alg string) ([]crypto.PublicKey, error) {
	for {
		busy, mine := r.due(kid)
		if mine {
			r.fetch(ctx, busy)
		}
		if busy == nil || mine {
			break
		}
		select { // then look again: that fetch may have begun before the key was there
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil || r.now().Sub(r.fetched) > keysStale {
		return nil, fmt.Errorf("no keys: %w", r.err)
	}
	var out []crypto.PublicKey
	for _, k := range r.keys {
		if (kid == "" || k.id == kid) && (k.alg == "" || k.alg == alg) {
			out = append(out, k.key)
		}
	}
	if len(out) == 0 {
		return nil, ErrNoKey
	}
	return out, nil
}

// due returns what has to end before a key is looked for: a fetch under way, or
// one that is the caller's to make (mine); nil: nothing.
func (r *RemoteKeys) due(kid string) (busy chan struct{}, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	fresh := r.keys != nil && now.Sub(r.fetched) < keysFresh
	if fresh && r.has(kid) {
		return nil, false
	}
	if r.busy != nil {
		return r.busy, false
	}
	switch {
	case fresh && now.Sub(r.unknown) >= keysPause:
		r.unknown = now
	case fresh, !r.tried.IsZero() && now.Sub(r.tried) < keysPause && (r.keys != nil || now.Sub(r.tried) <= time.Second):
		return nil, false
	}
	r.busy, r.tried = make(chan struct{}), now
	return r.busy, true
}

// has reports whether there is a key of that id, or any where none is named. The
// caller holds mu.
func (r *RemoteKeys) has(kid string) bool {
	return kid == "" || slices.ContainsFunc(r.keys, func(k publishedKey) bool { return k.id == kid })
}

// fetch gets the keys and closes busy. When it fails the older ones stay.
func (r *RemoteKeys) fetch(ctx context.Context, busy chan struct{}) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchWait)
	defer cancel()
	keys, err := r.get(ctx)
	r.mu.Lock()
	lost := false
	if err == nil {
		for _, old := range r.keys {
			still := false
			for _, k := range keys {
				still = still || k.id == old.id && k.alg == old.alg && sameKey(k.key, old.key)
			}
			lost = lost || !still
		}
		r.keys, r.fetched = keys, r.now()
	}
	r.err, r.busy = err, nil
	r.mu.Unlock()
	close(busy)
	if lost {
		r.changed()
	}
}

// sameKey reports whether two keys are one: an issuer may give its name to another.
func sameKey(a, b crypto.PublicKey) bool {
	eq, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && eq.Equal(b)
}

func (r *RemoteKeys) get(ctx context.Context) ([]publishedKey, error) {
	address, err := r.find(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the key set: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("key set: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("key set: HTTP %d", resp.StatusCode)
	case len(body) > maxKeySet:
		return nil, errors.New("key set: too large")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("key set: not JSON")
	}
	var keys []publishedKey
	for _, raw := range set.Keys { // one that cannot be used must not spoil the set
		k, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
		if err != nil || k.Marshal().USE == jwkset.UseEnc {
			continue
		}
		for _, alg := range asymmetric {
			if fits(k.Key(), alg) {
				keys = append(keys, publishedKey{k.Marshal().KID, k.Marshal().ALG.String(), k.Key()})
				break
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("key set: no key that can check a signature")
	}
	return keys, nil
}
