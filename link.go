package main

import (
	"fmt"
	"net/url"
	"strings"

	"drawbridge/bridge/config"
	"drawbridge/bridge/control"
	"drawbridge/bridge/fault"
)

const (
	// linkScheme begins an address that opens Drawbridge.
	linkScheme = "drawbridge"
	// maxLink bounds such an address, maxLinkURL the server's address in it. Who
	// follows one has to be able to read it.
	maxLink    = 4096
	maxLinkURL = 1024
)

// Link is what an address `drawbridge://add?url=…&name=…` asks for: that a server
// be added. Anybody can write one, on any web page, so it can say no more than
// the two things that a person can check, and does nothing before they agree.
type Link struct {
	// URL is the server's address, https. Name is a suggestion; "" leaves it to the person.
	URL  string `json:"url"`
	Name string `json:"name"`
	// Problem says why the link was refused; URL and Name are empty then.
	Problem *control.Problem `json:"problem"`
}

// linkAmong finds the link among a program's arguments; "" when there is none.
func linkAmong(args []string) string {
	for _, arg := range args {
		if isLink(arg) {
			return arg
		}
	}
	return ""
}

func isLink(raw string) bool {
	return len(raw) > len(linkScheme) && strings.EqualFold(raw[:len(linkScheme)+1], linkScheme+":")
}

// readLink reads an address. One that asks for anything else, or for more, is
// refused as a whole: what the person does not see must not come to be.
func readLink(raw string) Link {
	link, err := parseLink(raw)
	if err != nil {
		return Link{Problem: control.ProblemOf(err)}
	}
	return link
}

func parseLink(raw string) (Link, error) {
	refuse := func(why string) (Link, error) {
		return Link{}, fault.New(fault.BadURL, "A link to Drawbridge was refused: "+why+".", "If you trust where it came from, add the server by its address.")
	}
	if len(raw) > maxLink {
		return refuse("it is too long")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return refuse("it holds characters that no address may hold")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != linkScheme:
		return refuse("it cannot be read")
	case u.Host != "add" || u.Path != "" && u.Path != "/" || u.User != nil || u.Opaque != "":
		return refuse("it asks for something that links cannot do")
	case strings.Contains(raw, "#"):
		return refuse("it has a part after #")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return refuse("it cannot be read")
	}
	for name, all := range values {
		if name != "url" && name != "name" {
			return refuse(fmt.Sprintf("it sets %.40q, which links cannot do", name))
		}
		if len(all) != 1 {
			return refuse(fmt.Sprintf("it gives %q more than once", name))
		}
	}
	link := Link{URL: values.Get("url"), Name: values.Get("name")}
	server, err := url.Parse(link.URL)
	switch {
	case link.URL == "":
		return refuse("it names no server")
	case len(link.URL) > maxLinkURL:
		return refuse("the server's address is too long")
	case strings.ContainsFunc(link.URL, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse("the server's address holds characters that no address may hold")
	case err != nil || server.Scheme != "https":
		return refuse("the server's address does not begin with https://")
	}
	if err := config.CheckURL(link.URL, false); err != nil {
		return refuse("the server's address is not usable")
	}
	if _, given := values["name"]; given && config.CheckName(link.Name) != nil {
		return refuse("the name in it is no name for a server")
	}
	return link, nil
}
