package desktop

import "strings"

// LoginItem is a program that the desktop session starts when the person logs
// in. The desktop's own list of such programs is where it is kept, so that the
// person finds it there, and may take it out there, too.
type LoginItem struct {
	// ID names it among others: letters, digits and dashes.
	ID string
	// Title is what the person reads.
	Title string
	// Command is the program, an absolute path, and its arguments.
	Command []string
}

// propertyList is what launchd wants of a program that starts at login
// (launchd.plist(5)). It is started once, and not again when it ends.
func (i LoginItem) propertyList() string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + escape(i.label()) + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, arg := range i.Command {
		b.WriteString("\t\t<string>" + escape(arg) + "</string>\n")
	}
	b.WriteString(`	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<false/>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
</dict>
</plist>
`)
	return b.String()
}

// label is the name of the item where names are reversed host names.
func (i LoginItem) label() string { return "dev." + strings.ReplaceAll(i.ID, "-", ".") }
