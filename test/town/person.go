package town

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	// maxForms is how many forms a person fills in before giving up.
	maxForms = 5
	// maxPage is how much of a page is read, in bytes.
	maxPage = 1 << 20
	// pageTimeout bounds one page with its redirects.
	pageTimeout = 2 * time.Minute
)

// Person is somebody at a browser in the town, who keeps cookies.
type Person struct {
	// Login is typed into forms that ask who it is.
	Login string

	client *http.Client
}

// Person comes into the town with a browser that knows nobody yet.
func (w *Town) Person(login string) *Person {
	pool := x509.NewCertPool()
	pool.AddCert(w.ca)
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{w.client("browser")}},
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() == "127.0.0.1" { // the callback
				return nil, nil
			}
			return url.Parse(w.Proxy)
		},
	}
	return &Person{Login: login, client: &http.Client{Transport: transport, Jar: jar, Timeout: pageTimeout}}
}

var (
	formAt   = regexp.MustCompile(`(?s)<form[^>]* action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenAt = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	asksWho  = regexp.MustCompile(`<input[^>]* name="login"`)
	yesAt    = regexp.MustCompile(`<button[^>]* name="([^"]*)" value="(allow)"`)
	onwardAt = regexp.MustCompile(`<meta http-equiv="refresh" content="0; url=([^"]*)"`)
)

// Open opens an address, follows redirects, fills in each form that comes and
// says yes, and returns the last page: its address and its text.
func (p *Person) Open(ctx context.Context, address string) (end *url.URL, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for n := 0; err == nil; n++ {
		var resp *http.Response
		if resp, err = p.client.Do(req); err != nil {
			break
		}
		raw, readErr := io.ReadAll(io.LimitReader(resp.Body, maxPage))
		_ = resp.Body.Close()
		if readErr != nil {
			return nil, "", readErr
		}
		end, text = resp.Request.URL, string(raw)
		if onward := onwardAt.FindStringSubmatch(text); onward != nil && n < maxForms {
			req, err = http.NewRequestWithContext(ctx, http.MethodGet, html.UnescapeString(onward[1]), nil)
			continue
		}
		form := formAt.FindStringSubmatch(text)
		if form == nil {
			return end, text, nil
		}
		if n == maxForms {
			return end, text, fmt.Errorf("%s asks for more than %d forms", end.Host, maxForms)
		}
		values := url.Values{}
		for _, field := range hiddenAt.FindAllStringSubmatch(form[2], -1) {
			values.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		if asksWho.MatchString(form[2]) {
			values.Set("login", p.Login)
			values.Set("password", "correct horse")
		}
		if yes := yesAt.FindStringSubmatch(form[2]); yes != nil {
			values.Set(yes[1], yes[2])
		}
		var action *url.URL
		if action, err = end.Parse(html.UnescapeString(form[1])); err != nil {
			break
		}
		if req, err = http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode())); err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", end.Scheme+"://"+end.Host)
		}
	}
	return end, text, err
}
