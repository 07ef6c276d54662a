package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

const (
	personTimeout = 30 * time.Second
	maxPage       = 1 << 20
)

// SignInAsPerson plays the part of a person at a browser: it opens
// authorizationURL, chooses the person with this e-mail address on the page
// that comes, allows, and follows to wherever that leads. It returns the page
// that the browser ends on, also with an error when that page has a status of
// failure. It goes to loopback addresses only and takes 30 s at most.
//
// It is for machines without a display. It reads the page as a browser does and
// knows nothing of the server behind it.
func SignInAsPerson(ctx context.Context, authorizationURL, email string) (finalPage string, err error) {
	ctx, cancel := context.WithTimeout(ctx, personTimeout)
	defer cancel()
	b, err := newBrowser()
	if err != nil {
		return "", fmt.Errorf("sign in as a person: %w", err)
	}
	defer b.close()
	at, page, err := b.open(ctx, http.MethodGet, authorizationURL, nil, "")
	if err != nil {
		return page, fmt.Errorf("sign in as a person: %w", err)
	}
	f, err := findForm(page)
	if err != nil {
		return page, fmt.Errorf("sign in as a person: %w", err)
	}
	if err := f.fill(email); err != nil {
		return page, fmt.Errorf("sign in as a person: %w", err)
	}
	target, err := at.Parse(f.action)
	if err != nil {
		return page, fmt.Errorf("sign in as a person: the form leads nowhere: %w", err)
	}
	_, page, err = b.open(ctx, http.MethodPost, target.String(), f.fields, at.Scheme+"://"+at.Host)
	if err != nil {
		return page, fmt.Errorf("sign in as a person: %w", err)
	}
	return page, nil
}

// browser is what a browser brings to the sign-in: cookies, redirects, forms.
type browser struct {
	client    *http.Client
	transport *http.Transport
}

func newBrowser() (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &browser{transport: &http.Transport{}} // no proxy: it goes nowhere far
	b.client = &http.Client{
		Transport: b.transport, Jar: jar,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 10 {
				return errors.New("too many redirects")
			}
			return onLoopback(r.URL)
		},
	}
	return b, nil
}

func (b *browser) close() { b.transport.CloseIdleConnections() }

// open gets a page, or sends a form to one, and says where it ended. origin is
// what a browser sends with a form.
func (b *browser) open(ctx context.Context, method, address string, form url.Values, origin string) (*url.URL, string, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, "", errors.New("the address is not a URL")
	}
	if err := onLoopback(r.URL); err != nil {
		return nil, "", err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		// Its text holds the URL, and the URL holds the code.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, "", fmt.Errorf("read the page: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.Request.URL, string(page), fmt.Errorf("the page says status %d", resp.StatusCode)
	}
	return resp.Request.URL, string(page), nil
}

func onLoopback(u *url.URL) error {
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "http" || u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return errors.New("the person goes to http addresses on loopback only")
	}
	return nil
}

// form is the sign-in form of a page.
type form struct {
	action string
	fields url.Values // hidden ones at first
	people []string   // values of the radio buttons
	allow  bool       // it has the button to allow
}

// findForm finds the form on a page that lets choose a person.
func findForm(page string) (*form, error) {
	root, err := html.Parse(bytes.NewReader([]byte(page)))
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	var title string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "h1" && n.FirstChild != nil:
			title = n.FirstChild.Data
		case n.Type == html.ElementNode && n.Data == "form" && strings.EqualFold(attr(n, "method"), "post"):
			if f := readControls(n); len(f.people) > 0 {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no sign-in form on the page %q", title)
}

func readControls(n *html.Node) *form {
	f := &form{action: attr(n, "action"), fields: url.Values{}}
	for c := range n.Descendants() {
		if c.Type != html.ElementNode {
			continue
		}
		name, value := attr(c, "name"), attr(c, "value")
		switch {
		case c.Data == "input" && attr(c, "type") == "hidden":
			f.fields.Add(name, value)
		case c.Data == "input" && attr(c, "type") == "radio" && name == "person":
			f.people = append(f.people, value)
		case c.Data == "button" && name == "decision" && value == "allow":
			f.allow = true
		}
	}
	return f
}

// fill chooses the person and presses Allow.
func (f *form) fill(email string) error {
	if !f.allow {
		return errors.New("the form has no button to allow")
	}
	for _, p := range f.people {
		if p == email {
			f.fields.Set("person", email)
			f.fields.Set("decision", "allow")
			return nil
		}
	}
	return fmt.Errorf("nobody on the page has the address %s", email)
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
