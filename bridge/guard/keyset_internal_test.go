package guard

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"
)

// A key set is fetched by the first who needs it; who looks before that fetch has
// begun waits for it like who looks during it.
func TestWhoeverNeedsKeysWaitsForTheOneFetch(t *testing.T) {
	at := time.Now()
	r := NewRemoteKeys(nil, nil, func() time.Time { return at }, nil)
	both := func(when, kid string) chan struct{} {
		t.Helper()
		first, mine := r.due(kid)
		if !mine {
			t.Fatalf("%s: the first need not fetch", when)
		}
		if second, mine := r.due(kid); mine || second != first {
			t.Errorf("%s: the second does not wait for the first", when)
		}
		return first
	}
	busy := both("no keys yet", "one")
	r.keys, r.fetched, r.busy = []publishedKey{{id: "one"}}, at, nil
	close(busy)
	if busy, _ := r.due("one"); busy != nil {
		t.Error("a fetch for a key that is there")
	}
	both("an unknown key", "two")
	if busy, _ := r.due("one"); busy != nil {
		t.Error("who names a key that is there waits for another's")
	}
}

// answers is an issuer whose answers the test gives.
type answers chan string

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(<-a)), Request: req}, nil
}

func keySet(t *testing.T, kids ...string) string {
	t.Helper()
	var set jwkset.JWKSMarshal
	for _, kid := range kids {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jwkset.NewJWKFromKey(&key.PublicKey, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, k.Marshal())
	}
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Who waited for another's fetch looks once more when the key is not in it: the
// issuer may have published it since that fetch was answered.
func TestAKeyThatIsNewerThanTheFetchIsFound(t *testing.T) {
	one, two := keySet(t, "one"), keySet(t, "one", "two")
	synctest.Test(t, func(t *testing.T) {
		issuer := make(answers, 2)
		r := NewRemoteKeys(func(context.Context) (string, error) { return "https://issuer.example/jwks", nil }, &http.Client{Transport: issuer}, nil, nil)
		found := make(chan error, 2)
		for _, kid := range []string{"one", "two"} {
			go func() {
				_, err := r.Key(t.Context(), kid, "ES256")
				found <- err
			}()
			synctest.Wait()
		}
		issuer <- one
		synctest.Wait()
		issuer <- two
		for range 2 {
			if err := <-found; err != nil {
				t.Error(err)
			}
		}
	})
}
