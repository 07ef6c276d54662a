//go:build !linux && !darwin

package control

import "net"

// checkPeer has nothing to ask here; the folder's rights keep others out.
func checkPeer(*net.UnixConn) error { return nil }
