package main

import "testing"

func TestALinkIsTakenOnce(t *testing.T) {
	events := 0
	app := NewApp(AppConfig{Emit: func(event string, payload any) {
		if event != EventLink || payload != nil {
			t.Errorf("event %s, %v", event, payload)
		}
		events++
	}})
	if link := app.TakeLink(); link != nil {
		t.Errorf("a link before there is one: %+v", link)
	}
	app.followLink("drawbridge://add?url=https://one.example/")
	app.followLink("drawbridge://add?url=https://two.example/&name=two")
	if link := app.TakeLink(); link == nil || *link != (Link{URL: "https://two.example/", Name: "two"}) {
		t.Errorf("link %+v", link)
	}
	if link := app.TakeLink(); link != nil {
		t.Errorf("the link is there again: %+v", link)
	}
	app.followLink("drawbridge://wipe")
	if link := app.TakeLink(); link == nil || link.Problem == nil || link.URL != "" {
		t.Errorf("a refused link: %+v", link)
	}
	if events != 3 {
		t.Errorf("%d events", events)
	}
}
