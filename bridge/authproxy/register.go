package authproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// clientPrefix opens a client id of ours.
const clientPrefix = "dbc_"

// client is a registered client. Its id is all that is kept of it: the
// registration itself, signed. So clients survive a restart, fill no store, and
// are known to every bridge that has the key.
type client struct {
	Name      string   `json:"n,omitempty"`
	Redirects []string `json:"r"`
	At        int64    `json:"t"`
	Nonce     string   `json:"i"`

	id string
}

// hash names a client where its whole id would be too long.
func (c *client) hash() string { return digest(c.id) }

// called is what the client calls itself, for a person and the record.
func (c *client) called() string {
	if c.Name == "" {
		return "A program without a name"
	}
	return c.Name
}

// client reads a client id.
func (p *Proxy) client(id string) (*client, error) {
	text, ours := strings.CutPrefix(id, clientPrefix)
	if !ours || len(id) > maxClientID {
		return nil, errSeal
	}
	raw, err := verify(p.keys.client, text, "")
	if err != nil {
		return nil, err
	}
	c := &client{id: id}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("client id: %w", err)
	}
	return c, nil
}

// registration is the part of RFC 7591 §2 that counts here.
type registration struct {
	RedirectURIs []string `json:"redirect_uris"`
	Name         string   `json:"client_name"`
	Grants       []string `json:"grant_types"`
	Responses    []string `json:"response_types"`
}

// mostRedirects bounds the redirect URIs of a client.
const mostRedirects = 16

// Register registers a client (RFC 7591 §3). All clients are public: what a
// program on somebody's computer is given as a secret is none.
func (p *Proxy) Register(w http.ResponseWriter, r *http.Request) {
	if !p.method(w, r, http.MethodPost) {
		return
	}
	if p.wait(w, r) {
		p.refuse(w, r, http.StatusTooManyRequests, "temporarily_unavailable", "too many requests from this address", nil)
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		p.refuse(w, r, http.StatusUnsupportedMediaType, "invalid_client_metadata", "the registration is not application/json", nil)
		return
	}
	var asked registration
	if status, err := readJSON(w, r, maxRegister, &asked); err != nil {
		p.refuse(w, r, status, "invalid_client_metadata", "the registration cannot be read", err)
		return
	}
	if len(asked.RedirectURIs) == 0 || len(asked.RedirectURIs) > mostRedirects {
		p.refuse(w, r, http.StatusBadRequest, "invalid_redirect_uri", fmt.Sprintf("a client has 1 to %d redirect URIs", mostRedirects), nil)
		return
	}
	if len(asked.Grants) > 0 && !slices.Contains(asked.Grants, "authorization_code") || len(asked.Responses) > 0 && !slices.Contains(asked.Responses, "code") {
		p.refuse(w, r, http.StatusBadRequest, "invalid_client_metadata", "only the grant authorization_code with the response type code begins a sign-in here", nil)
		return
	}
	// What is not allowed is left out, and the answer says what is registered (RFC
	// 7591 §3.2.1): editors name all that any of their versions uses.
	c := client{Name: readable(asked.Name, 64), At: p.cfg.Now().Unix(), Nonce: random()[:22]}
	var why error
	for _, uri := range asked.RedirectURIs {
		if err := p.cfg.Redirects.allows(uri); err != nil {
			why = errors.Join(why, fmt.Errorf("%q: %w", readable(uri, 200), err))
			continue
		}
		c.Redirects = append(c.Redirects, uri)
	}
	if len(c.Redirects) == 0 {
		p.refuse(w, r, http.StatusBadRequest, "invalid_redirect_uri", "none of the redirect URIs is allowed here", why)
		return
	}
	raw, err := json.Marshal(c)
	id := clientPrefix + sign(p.keys.client, raw, "")
	if err != nil || len(id) > maxClientID {
		p.refuse(w, r, http.StatusBadRequest, "invalid_client_metadata", "the redirect URIs are too long together", err)
		return
	}
	p.cfg.Log.Info("client registered", "client", c.called(), "redirects", c.Redirects, "left out", why, "address", address(r))
	p.json(w, http.StatusCreated, map[string]any{
		"client_id": id, "client_id_issued_at": c.At, "client_name": c.called(), "redirect_uris": c.Redirects,
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "none",
	})
}

func readJSON(w http.ResponseWriter, r *http.Request, most int64, v any) (status int, err error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, err
	case err != nil:
		return http.StatusBadRequest, fmt.Errorf("read: %w", err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return http.StatusBadRequest, fmt.Errorf("read: %w", err)
	}
	return 0, nil
}

// readable is somebody else's text, of which only what can be seen is left: no
// line ends, nothing that turns the direction of writing.
func readable(text string, most int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
