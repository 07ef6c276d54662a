package cli

// leaveForeground does nothing here: there is no such signal.
func leaveForeground() {}
