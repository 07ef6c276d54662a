package desktop

const (
	// titleVariable and bodyVariable hand the words to a script as its environment.
	titleVariable = "DRAWBRIDGE_NOTIFICATION_TITLE"
	bodyVariable  = "DRAWBRIDGE_NOTIFICATION_BODY"
)

// notifier is the program of a system that shows a notification, and what is added
// to its environment. What a server calls itself never becomes a part of a
// script. ok is false where no such program is known.
func notifier(goos string, n Notification) (argv, env []string, ok bool) {
	switch goos {
	case "darwin":
		return []string{
			"/usr/bin/osascript",
			"-e", "on run words", "-e", "display notification (item 3 of words) with title (item 2 of words)", "-e", "end run",
			"show", n.Title, n.Body, // after a first word none is taken for an option
		}, nil, true
	case "windows":
		if n.Body == "" { // which a balloon must not be
			n.Body = " "
		}
		return []string{
			"powershell.exe", "-NoProfile", "-NonInteractive", "-Command",
			"Add-Type -AssemblyName System.Windows.Forms; $n = New-Object System.Windows.Forms.NotifyIcon; " +
				"$n.Icon = [System.Drawing.SystemIcons]::Information; $n.Visible = $true; " +
				"$n.ShowBalloonTip(10000, $env:" + titleVariable + ", $env:" + bodyVariable + ", 'None'); Start-Sleep 10; $n.Dispose()",
		}, []string{titleVariable + "=" + n.Title, bodyVariable + "=" + n.Body}, true
	}
	return nil, nil, false
}
