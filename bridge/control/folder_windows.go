package control

import "io/fs"

// checkFolder trusts the access rights of the user's profile, which the folder
// inherits; Windows has no mode bits to look at.
func checkFolder(string) error { return nil }

// isSocket cannot tell on Windows, where a unix socket shows as an irregular file.
func isSocket(info fs.FileInfo) bool {
	return !info.IsDir() && !(info.Mode().IsRegular() && info.Size() > 0)
}
