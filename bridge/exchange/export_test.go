package exchange

// Kept is how many tokens are kept.
func Kept(x *Exchanger) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.kept)
}
