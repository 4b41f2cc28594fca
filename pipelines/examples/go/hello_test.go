package hello

import "testing"

func TestAGreetingNamesWhomItGreets(t *testing.T) {
	if got := Greeting("world"); got != "hello, world" {
		t.Errorf("got %q", got)
	}
}
