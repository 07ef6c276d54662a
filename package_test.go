package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMacFiles checks what of the macOS app can be checked elsewhere: both
// property lists are whole, name each other's programs, and hold what launchd
// and the Finder need.
func TestMacFiles(t *testing.T) {
	app := plist(t, "build/macos/Info.plist")
	for key, want := range map[string]string{
		"CFBundleExecutable": "drawbridge-desktop", "CFBundlePackageType": "APPL", "CFBundleIdentifier": "dev.drawbridge.desktop",
		"CFBundleIconFile": "drawbridge.icns", "CFBundleVersion": "@VERSION@", "CFBundleShortVersionString": "@VERSION@",
	} {
		if app[key] != want {
			t.Errorf("Info.plist: %s is %v, want %s", key, app[key], want)
		}
	}
	links, _ := app["CFBundleURLTypes"].([]any)
	if len(links) != 1 || fmt.Sprint(links[0].(map[string]any)["CFBundleURLSchemes"]) != "["+linkScheme+"]" {
		t.Errorf("Info.plist: links of the schemes %v", links)
	}
	agent := plist(t, "build/macos/dev.drawbridge.agent.plist")
	if agent["Label"] != strings.TrimSuffix("dev.drawbridge.agent.plist", ".plist") { // launchd wants that
		t.Errorf("the label is %v", agent["Label"])
	}
	args, _ := agent["ProgramArguments"].([]any)
	if len(args) != 2 || args[0] != "/Applications/Drawbridge.app/Contents/MacOS/drawbridge" || args[1] != "agent" {
		t.Errorf("launchd would start %v", args)
	}
	if agent["RunAtLoad"] != true || agent["KeepAlive"] != false { // who quits it wants it gone
		t.Errorf("RunAtLoad %v, KeepAlive %v", agent["RunAtLoad"], agent["KeepAlive"])
	}
}

// plist reads a property list of strings, booleans, arrays and dictionaries.
func plist(t *testing.T, path string) map[string]any {
	t.Helper()
	f, err := os.Open(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	dec := xml.NewDecoder(f)
	for {
		token, err := dec.Token()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "dict" {
			value, err := plistValue(dec, start)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			for { // nothing but the end may follow
				if _, err := dec.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
			}
			return value.(map[string]any)
		}
	}
}

func plistValue(dec *xml.Decoder, start xml.StartElement) (any, error) {
	var parts []any
	var text strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		switch each := token.(type) {
		case xml.CharData:
			text.Write(each)
		case xml.StartElement:
			part, err := plistValue(dec, each)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		case xml.EndElement:
			switch start.Name.Local {
			case "key", "string":
				return text.String(), nil
			case "true", "false":
				return start.Name.Local == "true", nil
			case "array":
				return parts, nil
			case "dict":
				members := map[string]any{}
				for pair := range slices.Chunk(parts, 2) {
					name, ok := pair[0].(string)
					if len(pair) != 2 || !ok {
						return nil, errors.New("a dictionary whose keys and values do not pair")
					}
					members[name] = pair[1]
				}
				return members, nil
			}
			return nil, fmt.Errorf("an element %s", start.Name.Local)
		}
	}
}

// TestInstallersTakeWhatTheyBring: what the Windows installer lays down it takes
// away again, and it asks for no administrator.
func TestInstallersTakeWhatTheyBring(t *testing.T) {
	raw, err := os.ReadFile("build/windows/installer.nsi")
	if err != nil {
		t.Fatal(err)
	}
	script := string(raw)
	install, uninstall, ok := strings.Cut(script, `Section "Uninstall"`)
	if !ok || !strings.Contains(install, "RequestExecutionLevel user") || strings.Contains(script, "HKLM") {
		t.Fatal("it is not for one user alone")
	}
	for _, name := range []string{"drawbridge", "drawbridge-demo", "drawbridge-replica", "drawbridge-desktop"} {
		if !strings.Contains(install, `File "${FILES}\`+name+`.exe"`) {
			t.Errorf("it does not bring %s", name)
		}
	}
	for line := range strings.Lines(install) {
		fields := strings.Fields(strings.TrimSpace(line))
		if len(fields) < 2 {
			continue
		}
		gone := ""
		switch fields[0] {
		case "File":
			name := strings.Trim(fields[1], `"`)
			name = strings.TrimPrefix(name, "/oname=")
			gone = `Delete "$INSTDIR\` + strings.TrimPrefix(name, `${FILES}\`) + `"`
		case "WriteRegStr", "WriteRegDWORD":
			key, _, _ := strings.Cut(fields[2], `\shell\`) // a key goes with those in it
			gone = "DeleteRegKey HKCU \"" + strings.Trim(key, `"`) + `"`
		case "CreateShortcut":
			gone = "Delete " + fields[1]
		}
		if gone != "" && !strings.Contains(uninstall, gone) {
			t.Errorf("it leaves what this makes: %s(%s)", line, gone)
		}
	}
}
