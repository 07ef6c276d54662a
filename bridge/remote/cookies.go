package remote

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
)

const (
	// cookiesMost bounds the names of cookies that are kept of a server, and
	// cookieMost one of them, in bytes (RFC 6265 §6.1).
	cookiesMost = 50
	cookieMost  = 4096
)

// cookies are those of one session at one server, by which load balancers find
// the machine that has it. They are in memory only, end with the session, and go
// to no other origin; what the authorization server sets never comes here.
type cookies struct {
	jar    *cookiejar.Jar
	origin string

	mu    sync.Mutex
	names map[string]struct{}
}

// newCookies is a jar with none, for the origin of an address.
func newCookies(address string) *cookies {
	jar, _ := cookiejar.New(nil) // never fails
	c := &cookies{jar: jar, names: map[string]struct{}{}}
	if u, err := url.Parse(address); err == nil {
		c.origin = originOf(u)
	}
	return c
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// SetCookies implements http.CookieJar.
func (c *cookies) SetCookies(u *url.URL, given []*http.Cookie) {
	if originOf(u) != c.origin {
		return
	}
	var kept []*http.Cookie
	c.mu.Lock()
	for _, one := range given {
		_, known := c.names[one.Name]
		if len(one.Name)+len(one.Value) > cookieMost || !known && len(c.names) >= cookiesMost {
			continue
		}
		c.names[one.Name] = struct{}{}
		kept = append(kept, one)
	}
	c.mu.Unlock()
	c.jar.SetCookies(u, kept)
}

// Cookies implements http.CookieJar.
func (c *cookies) Cookies(u *url.URL) []*http.Cookie {
	c.mu.Lock()
	none := len(c.names) == 0 // as of most servers: each call asks
	c.mu.Unlock()
	if none || originOf(u) != c.origin {
		return nil
	}
	return c.jar.Cookies(u)
}

// with is the HTTP client with a session's cookies.
func (c *Conn) with(kept *cookies) *http.Client {
	client := *c.http
	client.Jar = kept
	return &client
}
