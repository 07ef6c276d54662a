package demo

// person is somebody who can sign in, without a password: the demo guards
// nothing.
type person struct {
	subject, name, email, initials string
}

// people are those who can sign in, in the order of the page.
func people() []person {
	return []person{
		{"person-ada", "Ada Lovelace", "ada@example.com", "AL"},
		{"person-grace", "Grace Hopper", "grace@example.com", "GH"},
		{"person-alan", "Alan Turing", "alan@example.com", "AT"},
	}
}

func personByEmail(email string) (person, bool) {
	for _, p := range people() {
		if p.email == email {
			return p, true
		}
	}
	return person{}, false
}
